package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"time"
)

// printed is how a command ends that has printed all it has to: at once, or, where
// the option stay names a file, after it has made that and got a signal.
func printed(args []string) int {
	file := option(args, "stay", "")
	if file == "" {
		return 0
	}
	return sleep([]string{"health", file})
}

// lines prints numbered lines, whole buffers at a time so that writes end in the
// middle of a line, or one by one when there is a pace.
func lines(args []string) int {
	n, ok := number(args, 0)
	if !ok {
		return usage("lines needs a number of lines")
	}
	to := []*bufio.Writer{bufio.NewWriter(os.Stdout)}
	if flag(args, "both") {
		to = append(to, bufio.NewWriter(os.Stderr))
	}
	if err := count(to, n, option(args, "prefix", "line "), duration(args, "every")); err != nil {
		return failed(err)
	}
	return printed(args)
}

// count writes n numbered lines to each of the writers, one every so often.
func count(to []*bufio.Writer, n int, prefix string, every time.Duration) error {
	for i := 1; i <= n; i++ {
		for _, w := range to {
			fmt.Fprintf(w, "%s%d\n", prefix, i)
			if every > 0 {
				w.Flush() // an error stays with the writer
			}
		}
		time.Sleep(every)
	}
	for _, w := range to {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// partial prints a line that never ends.
func partial(args []string) int {
	fmt.Print(word(args, 0))
	return printed(args)
}

// flash prints a line and is gone.
func flash(args []string) int {
	fmt.Println(word(args, 0))
	return 0
}

// long prints one long line.
func long(args []string) int {
	n, ok := number(args, 0)
	if !ok {
		return usage("long needs a number of bytes")
	}
	if err := stretch(os.Stdout, n); err != nil {
		return failed(err)
	}
	return printed(args)
}

// stretch writes a line of n bytes, the digits from 0 to 9 in turn, and its end.
func stretch(to io.Writer, n int) error {
	w := bufio.NewWriter(to)
	for i := range n {
		w.WriteByte('0' + byte(i%10)) // an error stays with the writer
	}
	w.WriteByte('\n')
	return w.Flush()
}
