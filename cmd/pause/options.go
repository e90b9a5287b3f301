package main

import (
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	// grace is how long the others may take to end when there is no supervisor to stop them. Default 5 s.
	grace time.Duration
	// hold says that supervisors have no business here: this pause is one more in another
	// one's network, and only holds what is its own, such as volumes.
	hold bool
	// version asks for the version and nothing else.
	version bool
}

// parse reads the command line, without the program's name, and says what is wrong
// with it, if anything. Package flag would do, but brings formatting along that makes
// the program a quarter of a megabyte larger.
func parse(args []string) (o options, wrong string) {
	o.grace = 5 * time.Second
	for len(args) > 0 {
		name, value, given := strings.Cut(args[0], "=")
		args = args[1:]
		switch {
		case (name == "-v" || name == "--v") && !given:
			o.version = true
			continue
		case (name == "-hold" || name == "--hold") && !given:
			o.hold = true
			continue
		case name != "-grace" && name != "--grace":
			return o, "unknown argument " + name + "; there are -grace 5s, -hold and -v"
		case !given && len(args) > 0:
			value, args = args[0], args[1:]
		}
		grace, err := time.ParseDuration(value)
		if err != nil || grace < 0 {
			return o, "-grace takes a duration such as 5s, not '" + value + "'"
		}
		o.grace = grace
	}
	return o, ""
}
