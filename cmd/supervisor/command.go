package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// A command is one that looks at a pod that runs, by docker exec.
type command struct {
	*flag.FlagSet
	// line is how it is called, does what it does.
	line, does string
}

func newCommand(name, line, does string) command {
	c := command{flag.NewFlagSet(name, flag.ContinueOnError), line, does}
	c.SetOutput(io.Discard) // errors are told once, by main
	c.Usage = func() {}
	return c
}

// either defines a flag that has a short and a long name.
func (c command) either(to *bool, short, long, does string) {
	c.BoolVar(to, short, false, does)
	c.BoolVar(to, long, false, "the same as -"+short)
}

// parse reads flags and returns the words among them, of which there may be so many.
// Asked for help it prints it and returns flag.ErrHelp.
func (c command) parse(args []string, most int, help io.Writer) (words []string, err error) {
	for {
		if err := c.leading(args, help); err != nil {
			return nil, err
		}
		if c.NArg() == 0 {
			return words, nil
		}
		if words = append(words, c.Arg(0)); len(words) > most {
			return nil, usage("unexpected argument " + c.Arg(0) + "; " + c.hint())
		}
		args = c.Args()[1:]
	}
}

// leading reads the flags before the first word.
func (c command) leading(args []string, help io.Writer) error {
	err := c.Parse(args)
	switch err {
	case nil:
		return nil
	case flag.ErrHelp:
		fmt.Fprintf(help, "supervisor %s\n%s\n", c.line, c.does)
		c.SetOutput(help)
		c.PrintDefaults()
		return err
	}
	return usage(err.Error() + "; " + c.hint())
}

func (c command) hint() string { return "supervisor " + c.Name() + " -help lists the flags" }

// oneOf refuses a form of output that there is not.
func (c command) oneOf(form string, forms ...string) error {
	for _, f := range forms {
		if form == f {
			return nil
		}
	}
	return usage("-o " + form + ": no such form; " + c.hint())
}

// isTerminal tells whether something read or written is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// coloured tells whether to write in colours (no-color.org).
func coloured(to io.Writer) bool { return isTerminal(to) && os.Getenv("NO_COLOR") == "" }
