package main

import (
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// printSignals prints each signal that comes, in one write, for a test to see that none
// came twice. It takes its time after the first, and only that one counts for the end.
func printSignals(args []string) int {
	got := make(chan os.Signal, 16)
	signal.Notify(got, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGHUP)
	if err := healthy(args); err != nil {
		return failed(err)
	}
	var end <-chan time.Time
	for {
		select {
		case s := <-got:
			fmt.Println(short(s))
			if end == nil {
				end = time.After(duration(args, "linger"))
			}
		case <-end:
			return 0
		}
	}
}
