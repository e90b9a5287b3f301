package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"
)

// live writes into a file that others write into as well where it is in its life:
// starting, started, exiting, exited. What was killed has not exited.
func live(args []string) int {
	file, name := word(args, 0), word(args, 1)
	code, ok := number([]string{option(args, "code", "0")}, 0)
	if file == "" || name == "" || !ok {
		return usage("live needs a file and a name, and a code needs a number")
	}
	stop := signals()
	before, err := runs(file, name)
	if err == nil {
		err = lifetime(file, name, args, stop)
	}
	if err != nil {
		return failed(err)
	}
	if limit, limited := number([]string{option(args, "times", "")}, 0); limited && before >= limit {
		return 0
	}
	return code
}

// lifetime is one run of live, from its first line to its last.
func lifetime(file, name string, args []string, stop <-chan os.Signal) error {
	for _, stage := range []struct {
		what string
		then func() error // before the next one
	}{
		{"starting", func() error { return healthy(args) }},
		{"started", func() error { return endure(stop, args) }},
		{"exiting", func() error { return tarry(args) }},
		{"exited", func() error { return nil }},
	} {
		if err := record(file, name, stage.what); err != nil {
			return err
		}
		if err := stage.then(); err != nil {
			return err
		}
	}
	return nil
}

// endure waits for a signal, or no longer than the option for says.
func endure(stop <-chan os.Signal, args []string) error {
	var enough <-chan time.Time
	if flag(args, "for") {
		enough = time.After(duration(args, "for"))
	}
	select {
	case <-stop:
	case <-enough:
	}
	return nil
}

// tarry takes the time that the option linger says, and until the file is there that
// the option until names.
func tarry(args []string) error {
	time.Sleep(duration(args, "linger"))
	if file := option(args, "until", ""); file != "" {
		wait([]string{file})
	}
	return nil
}

// runs is how often live was started before with that file and name.
func runs(file, name string) (n int, err error) {
	content, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	return strings.Count(string(content), " "+name+" starting\n"), nil
}
