// Package mark is the language in which a window's shell says what it does, in
// band, on the same terminal as the output of its programs, so that "all its
// output, then its end" is an order and not a guess.
//
// The marks are the OSC 133 sequences of terminal shell integration
// (FinalTerm; also iTerm2, VS Code, kitty): ESC ] 133 ; A BEL before a prompt,
// C before a command's output, D with the exit status after it. A terminal
// that does not know them shows nothing.
package mark
