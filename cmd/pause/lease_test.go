package main

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything that is to happen may take.
const patience = 30 * time.Second

func TestALeaseIsHeldUntilTheOtherEndIsClosed(t *testing.T) {
	for name, nonblocking := range map[string]bool{"Blocking": false, "SomeoneMadeItNonBlocking": true} {
		t.Run(name, func(t *testing.T) {
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			fd := int(read.Fd())
			if err := syscall.SetNonblock(fd, nonblocking); err != nil {
				t.Fatal(err)
			}
			asked := make(chan struct{})
			over := lease(fd, func() { close(asked) })

			write.SetDeadline(time.Now().Add(patience))
			if _, err := write.Write(make([]byte, 1<<20)); err != nil { // more than a pipe holds
				t.Fatalf("the keep-alive bytes are not read: %v", err)
			}
			select {
			case <-asked:
				t.Fatal("the lease is over while the other end is held")
			default:
			}

			write.Close()
			select {
			case <-over:
			case <-time.After(patience):
				t.Fatal("the lease is not over although the other end is closed")
			}
			select {
			case <-asked:
			default:
				t.Error("the lease is over and nobody was asked to end")
			}
		})
	}
}

func TestOnlyAPipeIsALease(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Create(t.TempDir() + "/empty")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	for why, fd := range map[string]int{
		"/dev/null is the stdin of a plain docker run": int(null.Fd()),
		"a file ends as well, but nobody holds it":     int(file.Fd()),
		"there may be no stdin at all":                 -1,
	} {
		if over := lease(fd, func() { t.Error(why + ": it was taken for a lease") }); over != nil {
			t.Errorf("%s: there is a lease", why)
			<-over
		}
	}
}
