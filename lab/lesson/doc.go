// Package lesson reads, checks and runs executable lessons: Markdown files
// whose console blocks are experiments on the hosts of a lab, and whose claims
// get their verdict from what those hosts printed.
//
// Parse turns a file into a Lesson and reports everything that is wrong with
// it at once, before any host starts. Run carries it out on a Runner, the
// small interface to a running lab, and returns a Result: what really came
// out, block by block, and a verdict for each claim. Update brings two Results
// back into the file.
//
// # Blocks
//
// Front matter says title, lab (hosts with their addresses, or the name of a
// Compose file), timeout and patterns. Fences named console are run. Fences
// named console book hold what the book predicts; they are compared with what
// the same command printed within the claim: the first such block with the
// first run of that command on that host, the second with the second. Mermaid
// sequence diagrams account for packets, in the order of their sending. The
// blockquotes
//
//	> **Claim 2.1:** text
//	> **Verdict:** confirmed
//
// hold between them the blocks that put the claim to the test. It is confirmed
// when all of them match, contradicted when only book blocks do not.
//
// # Lines of a console block
//
//	laptop:~$ command \         type a command into the first window of laptop
//	> rest of it
//	guinness:2$ command         … into the second window of guinness
//	$ hostlab fault clear       on the reader's own machine, hostlab only
//	text with {port}            the next line of the nearest prompt's window
//	guinness:2 | text           the next line of another window
//	...                         any lines, up to the next expected one
//	^C ^Z ^D ^\                 press a key; ^C ^D ^\ must end the program, ^Z stop it
//	[exit 1] [killed SIGINT]    the program has ended so
//	[running] [stopped]         it stays in front; it is stopped
//	\anything                   text, whatever it looks like; \{ is a brace
//
// A host's window is a terminal which lives to the end of the lesson; ~ and 1
// are the same one. Steps are carried out in their order, one at a time. A
// command must have ended with status 0 when the next command begins, in any
// window, when a key is pressed in another one, and at the end of its block,
// unless a status or a key says otherwise. After ^C without a status SIGINT must have killed it, or it ended
// with 0 or 130.
//
// A name in braces is [word-]type[digits], as in {server-port2}; its type is
// one of port pid ip mac ms s n bytes hex text, or of the lesson's patterns.
// It stands for what it matched first, until the next heading; a book block
// has names of its own. In a line that begins with a backslash names work too.
// In a command a name stands for what it matched further up in its section, so
// that a lesson can send something to {port}.
// Blanks at the end of a line do not count; an empty line is a line.
//
// Every line that a program prints must be shown. When a program ends, that is
// known at once. What a running program has printed is looked at before each
// heading, and at the end of the lesson by ^Z, which stops the program behind
// all of its output.
//
// # Diagrams
//
// A diagram accounts for every packet that crossed the wires since the diagram
// before it, or since the heading. Packets behind the last diagram of a
// section, and those of a section without one, are no matter: a lesson that
// means to say that there were none says so with "no packets". Names are the
// same in diagrams and in console blocks. A diagram of which a capture may have
// missed something says nothing, whether it matches or not: see
// Result.Inconclusive. What Mermaid on GitHub would not draw is refused.
//
// # No luck
//
// Every wait is for a line, an end or a state. The time limit only makes a
// lesson fail; it then ends the run, for what follows would mean nothing. While
// a run waits, a watchdog measures how long the machine stood still:
// Result.Inconclusive tells when the first difference may be due to that.
package lesson
