package tools

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"hostlab/lab/hint"
	"hostlab/lab/program"
)

// sysctlRoot is where the kernel shows its settings, sysctl(8).
const sysctlRoot = "/proc/sys"

func sysctl() *command {
	return &command{
		name:     "sysctl",
		forms:    []string{"[-n] [-w] NAME[=VALUE]...", "-a"},
		about:    "Reads and writes the kernel's settings below net., which each host has for\nitself.",
		examples: []string{"net.ipv4.icmp_ratelimit", "net.ipv4.ip_forward=1", "net.ipv4.conf.eth0.arp_ignore"},
		define: func(flags *pflag.FlagSet) action {
			values := flags.BoolP("values", "n", false, "print values without names")
			all := flags.BoolP("all", "a", false, "print all settings below net.")
			flags.BoolP("write", "w", false, "as ever: NAME=VALUE writes")
			return func(_ context.Context, s program.Stdio, words []string) error {
				if *all {
					return errors.Join(noWords(words), listSettings(s, *values))
				}
				if len(words) == 0 {
					return misusef("a setting was expected, such as net.ipv4.ip_forward")
				}
				for _, word := range words {
					name, value, set := strings.Cut(word, "=")
					if err := oneSetting(s, strings.TrimSpace(name), strings.TrimSpace(value), set, *values); err != nil {
						return err
					}
				}
				return nil
			}
		},
	}
}

// settingPath is the file of a setting. Slashes may be written as dots, and
// the dots of an interface's name then as slashes, as in sysctl(8).
func settingPath(name string) (string, error) {
	path := strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return r
	}, name)
	if strings.HasPrefix(name, "net/") {
		path = name
	}
	if !strings.HasPrefix(path, "net/") || strings.Contains(path, "..") || !filepath.IsLocal(path) {
		return "", misusef("%q: a setting below net. was expected", name)
	}
	return filepath.Join(sysctlRoot, path), nil
}

func oneSetting(s program.Stdio, name, value string, set, bare bool) error {
	path, err := settingPath(name)
	if err != nil {
		return err
	}
	if set {
		err := os.WriteFile(path, []byte(value+"\n"), 0)
		if errors.Is(err, unix.EROFS) {
			err = setWithoutFile(path, value, err)
		}
		if err != nil {
			return settingError(name, err)
		}
	}
	return printSetting(s, name, path, bare)
}

func printSetting(s program.Stdio, name, path string, bare bool) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return settingError(name, err)
	}
	for line := range strings.Lines(string(text)) {
		if bare {
			fmt.Fprintln(s.Out, strings.TrimRight(line, "\n"))
		} else {
			fmt.Fprintf(s.Out, "%s = %s\n", name, strings.TrimRight(line, "\n"))
		}
	}
	return nil
}

// settingError says what is to be done where that is known.
func settingError(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	err = fmt.Errorf("%s: %w", name, err)
	switch {
	case errors.Is(err, unix.EROFS) && name == "net.ipv4.ip_forward":
		return hint.Add(err, "sysctl net.ipv4.conf.eth0.forwarding=1   # for each interface")
	case errors.Is(err, unix.EROFS):
		return hint.Add(err, "set it in compose.yaml, below sysctls: of this host")
	}
	return err
}

func listSettings(s program.Stdio, bare bool) error {
	return filepath.WalkDir(filepath.Join(sysctlRoot, "net"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		rel, _ := filepath.Rel(sysctlRoot, path)
		name := strings.Map(func(r rune) rune {
			switch r {
			case '.':
				return '/'
			case '/':
				return '.'
			}
			return r
		}, rel)
		printSetting(s, name, path, bare) // some can only be written
		return nil
	})
}
