package tools

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"hostlab/lab/program"
)

func succeed(context.Context, program.Stdio, ...string) int { return 0 }
func fail(context.Context, program.Stdio, ...string) int    { return 1 }

func hostname() *command {
	return &command{
		name:  "hostname",
		forms: []string{"[-I]"},
		about: "Prints the host's name.",
		define: func(flags *pflag.FlagSet) action {
			all := flags.BoolP("all-ip-addresses", "I", false, "print the addresses instead, without loopback and link-local ones")
			return func(_ context.Context, s program.Stdio, words []string) error {
				if err := noWords(words); err != nil {
					return err
				}
				if *all {
					return printAddresses(s)
				}
				name, err := os.Hostname()
				fmt.Fprintln(s.Out, name)
				return err
			}
		},
	}
}

func printAddresses(s program.Stdio) error {
	addrs, err := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			fmt.Fprintf(s.Out, "%s ", n.IP)
		}
	}
	fmt.Fprintln(s.Out)
	return err
}

func env() *command {
	return &command{
		name:     "env",
		forms:    []string{"[-i] [-u NAME] [NAME=VALUE...] [PROGRAM [ARGUMENT...]]"},
		about:    "Prints the environment, or runs a program with another one.",
		examples: []string{"", "LANG=C date"},
		exit:     "that of the program; 127 not found, 2 misuse",
		early:    true,
		define: func(flags *pflag.FlagSet) action {
			empty := flags.BoolP("ignore-environment", "i", false, "start with an empty environment")
			unset := flags.StringArrayP("unset", "u", nil, "leave `NAME` out; may be given again")
			return func(_ context.Context, s program.Stdio, words []string) error {
				if *empty {
					os.Clearenv()
				}
				for _, name := range *unset {
					os.Unsetenv(name)
				}
				for len(words) > 0 && strings.Contains(words[0], "=") {
					name, value, _ := strings.Cut(words[0], "=")
					if err := os.Setenv(name, value); err != nil {
						return misusef("%q: NAME=VALUE was expected", words[0])
					}
					words = words[1:]
				}
				if len(words) > 0 {
					return become(s, words)
				}
				for _, v := range os.Environ() {
					fmt.Fprintln(s.Out, v)
				}
				return nil
			}
		},
	}
}

// become replaces this process by a program.
func become(s program.Stdio, argv []string) error {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		complain(s.Err, "env", fmt.Errorf("%s: %w", argv[0], unix.ENOENT))
		return exitStatus(127)
	}
	return fmt.Errorf("%s: %w", argv[0], unix.Exec(path, argv, os.Environ()))
}

func sleep() *command {
	return &command{
		name:     "sleep",
		forms:    []string{"TIME"},
		about:    "Does nothing for a while: seconds, or a number with ms, s, m or h.",
		examples: []string{"1.5", "200ms"},
		define: func(*pflag.FlagSet) action {
			return func(ctx context.Context, _ program.Stdio, words []string) error {
				if len(words) != 1 {
					return misusef("one time was expected")
				}
				d, err := parseTime(words[0])
				if err != nil {
					return misusef("%q: %v", words[0], err)
				}
				select {
				case <-time.After(d):
					return nil
				case <-ctx.Done():
					return exitStatus(1)
				}
			}
		},
	}
}

// parseTime reads "1.5" (seconds), "200ms", "10s", "infinity".
func parseTime(text string) (time.Duration, error) {
	const wanted = "seconds, or a number with ms, s, m or h, were expected"
	if text == "infinity" {
		return time.Duration(1<<63 - 1), nil
	}
	d, err := time.ParseDuration(text)
	if seconds, numErr := strconv.ParseFloat(text, 64); numErr == nil && seconds < 1e9 {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d < 0 {
		return 0, errors.New(wanted)
	}
	return d, nil
}

func date() *command {
	return &command{
		name:  "date",
		forms: []string{"[-u] [+FORMAT]"},
		about: "Prints the time. FORMAT is that of strftime(3), of which %Y %m %d %H %M %S %N\n%s %z %F %T are known.",
		define: func(flags *pflag.FlagSet) action {
			utc := flags.BoolP("utc", "u", false, "as UTC")
			return func(_ context.Context, s program.Stdio, words []string) error {
				now := time.Now()
				if *utc {
					now = now.UTC()
				}
				if len(words) == 0 {
					fmt.Fprintln(s.Out, now.Format("Mon Jan _2 15:04:05 MST 2006"))
					return nil
				}
				format, ok := strings.CutPrefix(words[0], "+")
				if !ok || len(words) > 1 {
					return misusef("%q: one +FORMAT was expected", words[len(words)-1])
				}
				fmt.Fprintln(s.Out, strftime(now, format))
				return nil
			}
		},
	}
}

func strftime(t time.Time, format string) string {
	return strings.NewReplacer("%%", "%", "%Y", t.Format("2006"), "%m", t.Format("01"), "%d", t.Format("02"),
		"%H", t.Format("15"), "%M", t.Format("04"), "%S", t.Format("05"), "%N", t.Format(".000000000")[1:],
		"%s", strconv.FormatInt(t.Unix(), 10), "%z", t.Format("-0700"), "%F", t.Format("2006-01-02"), "%T", t.Format("15:04:05"),
	).Replace(format)
}

func uname() *command {
	return &command{
		name:  "uname",
		forms: []string{"[-a | -s | -n | -r | -m]"},
		about: "Prints what system this is: the kernel's name, unless told.",
		define: func(flags *pflag.FlagSet) action {
			all := flags.BoolP("all", "a", false, "all of it")
			kernel := flags.BoolP("kernel-name", "s", false, "the kernel's name")
			node := flags.BoolP("nodename", "n", false, "the host's name")
			release := flags.BoolP("kernel-release", "r", false, "the kernel's release")
			machine := flags.BoolP("machine", "m", false, "the processor")
			return func(_ context.Context, s program.Stdio, words []string) error {
				var u unix.Utsname
				if err := errors.Join(noWords(words), unix.Uname(&u)); err != nil {
					return err
				}
				var parts []string
				add := func(wanted bool, field []byte) {
					if wanted || *all {
						parts = append(parts, unix.ByteSliceToString(field))
					}
				}
				add(*kernel || flags.NFlag() == 0, u.Sysname[:])
				add(*node, u.Nodename[:])
				add(*release, u.Release[:])
				add(false, u.Version[:])
				add(*machine, u.Machine[:])
				fmt.Fprintln(s.Out, strings.Join(parts, " "))
				return nil
			}
		},
	}
}

func id() *command {
	return &command{
		name:  "id",
		forms: []string{"[-u]"},
		about: "Prints the user that programs run as.",
		define: func(flags *pflag.FlagSet) action {
			number := flags.BoolP("user", "u", false, "only the user's number")
			return func(_ context.Context, s program.Stdio, words []string) error {
				if *number {
					fmt.Fprintln(s.Out, os.Geteuid())
					return noWords(words)
				}
				uid, gid := strconv.Itoa(os.Geteuid()), strconv.Itoa(os.Getegid())
				if u, err := user.LookupId(uid); err == nil {
					uid += "(" + u.Username + ")"
				}
				if g, err := user.LookupGroupId(gid); err == nil {
					gid += "(" + g.Name + ")"
				}
				fmt.Fprintf(s.Out, "uid=%s gid=%s\n", uid, gid)
				return noWords(words)
			}
		},
	}
}
