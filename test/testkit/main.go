// Command testkit is what test components run: one static program that serves,
// prints, dies, lingers or misbehaves, as the test needs it.
//
// It is for tests only and never part of a pod that someone depends on. What a
// command does not know among its arguments it ignores, so that stacks written
// for other programs run with it.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// A command is one thing testkit can do. It returns the exit code.
type command struct {
	name, args, does string
	run              func(args []string) int
}

// commands are all of them, in the order in which help shows them.
func commands() []command {
	return []command{
		{"serve", "ADDR",
			"answer HTTP: / /env /file?path=P /status?code=N /redirect?to=URL (itself) /slow?for=D /fail /ok /exit?code=N; TERM or INT ends it with 0", serve},
		{"grpc", "ADDR [FILE]", "answer gRPC health checks of testkit and the server as a whole: SERVING while FILE is there; TERM or INT ends it with 0", health},
		{"get", "URL", "print what URL answers within 2 s; 0 if that is a success", get},
		{"poll", "URL every D for D", "ask URL again and again, each time at one of the addresses that its name has then, print each failure " +
			"and how many there were; 0 if there was none", poll},
		{"sleep", "[health FILE [after D]]", "make FILE, wait for TERM or INT, exit with 0", sleep},
		{"ignore", "[health FILE [after D]]", "make FILE, ignore TERM and INT and wait for ever", ignore},
		{"family", "", "start `ignore` in a session of its own and without an environment, say `both born`, ignore TERM and INT", family},
		{"exit", "N [after D]", "exit with N", exit},
		{"kill", "[after D]", "die by SIGKILL; as PID 1, which the kernel spares, exit with 137", kill},
		{"signal", "PID NAME", "send the signal of that name, such as TERM, to the process", send},
		{"lines", "N [both] [prefix P] [every D] [stay FILE]", "print `P1` to `PN` on stdout, with `both` also on stderr", lines},
		{"partial", "TEXT [stay FILE]", "print TEXT without an end of line; all that print: make FILE then, wait for TERM or INT", partial},
		{"long", "BYTES [stay FILE]", "print one line of that many bytes, digits in turn, and its end", long},
		{"flash", "TEXT", "print the line TEXT and exit at once", flash},
		{"orphans", "N [burst B]", "leave N orphans to PID 1, B (500) at a time, say `left N`, wait for TERM or INT", orphans},
		{"history", "LOG NAME [health FILE [after D]] [linger D]",
			"append `<unix ns> NAME started` to LOG, make FILE, on a signal append its name (`term`), after D `exit`", history},
		{"live", "LOG NAME [health FILE [after D]] [for D] [linger D] [until FILE] [code N [times N]]",
			"append `<unix ns> NAME starting` to LOG, make FILE, `started`, on a signal or after D `exiting`, after D, " +
				"when FILE is there, `exited`; exit with N, the first times only", live},
		{"eat", "BYTES", "use that much memory, say `ate BYTES`, wait for TERM or INT", eat},
		{"spin", "", "use all of a processor until TERM or INT", spin},
		{"touch", "FILE [after D]", "make FILE", touch},
		{"link", "FILE TO", "put a link to TO into the place of FILE, whatever that is", link},
		{"exists", "FILE", "exit with 0 if FILE is there, else with 1", exists},
		{"wait", "FILE", "exit with 0 as soon as FILE is there", wait},
		{"cat", "FILE...", "print files", cat},
		{"stat", "FILE...", "print `mode uid gid size name` of each file, links not followed", stat},
		{"id", "", "print uid, gid, groups, working directory and each argument, a line each", id},
		{"size", "", "print rows and columns of the terminal on stdin, as soon as it has a size", size},
		{"env", "", "print the environment", env},
		{"ps", "", "print `pid state name` of each process of this PID namespace", ps},
		{"find", "TEXT...", "print `pid arguments` of each process that has a TEXT in its arguments or control groups; 0 if there is any", find},
		{"signals", "[health FILE [after D]] [linger D]", "make FILE, print each signal that comes (`term`), exit with 0 after D since the first", printSignals},
		{"lease", "[linger D]", "offer pause a lease, print its variable and what becomes of it: `granted`, `asked`, `lost`; " +
			"USR1 says that the pod stops, TERM too and ends it with 0 after D", holdLease},
		{"charge", "NAME [linger D] [deaths N]", "take charge of pause, print `granted T` (T others were before) and what becomes of it as `lease` does; " +
			"or have N processes do so, one after the other, that kill themselves at once", takeCharge},
		{"dial", "PREFIX", "ask each abstract socket of that prefix in this network for /v1/health, print `name: answer`", dial},
	}
}

func main() {
	os.Exit(run(os.Args[1:]))
}

// run does what args ask for and returns the exit code: 2 when they make no sense.
func run(args []string) int {
	if len(args) == 0 {
		help(os.Stderr)
		return 2
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(args[1:])
		}
	}
	help(os.Stdout)
	if args[0] == "help" {
		return 0
	}
	return usage("no command is called " + args[0])
}

// help prints what there is.
func help(w io.Writer) {
	fmt.Fprintln(w, "testkit COMMAND [ARGUMENT...]; options are words: `exit 7 after 2s`")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %-44s %s\n", c.name, c.args, c.does)
	}
}

// usage says what is wrong with the arguments, and is the exit code for that.
func usage(what string) int {
	fmt.Fprintln(os.Stderr, "testkit:", what)
	return 2
}

// failed says what went wrong, and is the exit code for that.
func failed(err error) int {
	fmt.Fprintln(os.Stderr, "testkit:", err)
	return 1
}

// word is the argument at place i, empty when there are not that many.
func word(args []string, i int) string {
	if i >= len(args) {
		return ""
	}
	return args[i]
}

// number is the argument at place i as a number that is not negative.
func number(args []string, i int) (n int, ok bool) {
	n, err := strconv.Atoi(word(args, i))
	return n, err == nil && n >= 0
}

// flag says whether the arguments have that word.
func flag(args []string, name string) bool {
	for _, a := range args {
		if a == name {
			return true
		}
	}
	return false
}

// option is the argument that follows the word name, or otherwise.
func option(args []string, name, otherwise string) string {
	for i, a := range args {
		if a == name && i+1 < len(args) {
			return args[i+1]
		}
	}
	return otherwise
}

// duration is the duration that follows the word name; none where there is none.
func duration(args []string, name string) time.Duration {
	d, _ := time.ParseDuration(option(args, name, "0s"))
	return d
}
