package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/podlike/podlike/internal/lease"
)

// holdLease is the supervisor's side of pause's lease, and nothing else of a supervisor.
func holdLease(args []string) int {
	stop, stopping := supervisorSignals()
	offer, err := lease.NewOffer()
	if err != nil {
		return failed(err)
	}
	fmt.Println(offer.Env())
	held, err := offer.Grant(context.Background())
	if err != nil {
		return failed(err)
	}
	fmt.Println("granted")
	return holdOn(held, stop, stopping, duration(args, "linger"))
}

// supervisorSignals are those that end a supervisor, and those that have it stop the pod.
func supervisorSignals() (stop, stopping <-chan os.Signal) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, unix.SIGUSR1)
	return signals(), asked
}

// A hold is a supervisor's on pause: a lease, or the charge.
type hold interface {
	Asked() <-chan struct{}
	Lost() <-chan struct{}
	Stopping() error
}

// holdOn says what becomes of a hold until a signal comes, and lingers.
func holdOn(held hold, stop, stopping <-chan os.Signal, linger time.Duration) int {
	asked, lost := held.Asked(), held.Lost()
	for {
		select {
		case <-asked:
			asked = nil
			fmt.Println("asked")
		case <-lost:
			lost = nil
			fmt.Println("lost")
		case <-stopping:
			if err := held.Stopping(); err != nil {
				return failed(err)
			}
			fmt.Println("stopping")
		case <-stop:
			if err := held.Stopping(); err != nil {
				return failed(err)
			}
			time.Sleep(linger)
			return 0
		}
	}
}
