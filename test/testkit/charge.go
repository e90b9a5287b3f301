package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/podlike/podlike/internal/charge"
)

// takeCharge is the supervisor's side of being in charge of a pause, and nothing else of
// a supervisor. In the memory that pause keeps it counts how often somebody was.
func takeCharge(args []string) int {
	name := word(args, 0)
	if times, ok := number([]string{option(args, "deaths", "")}, 0); ok {
		return dieInCharge(name, times)
	}
	stop, stopping := supervisorSignals()
	held, err := charge.Take(context.Background(), name)
	if err != nil {
		return failed(err)
	}
	defer held.Close()
	times := binary.NativeEndian.Uint64(held.Memory())
	binary.NativeEndian.PutUint64(held.Memory(), times+1)
	fmt.Println("granted", times)
	if flag(args, "die") {
		unix.Kill(unix.Getpid(), unix.SIGKILL)
	}
	return holdOn(held, stop, stopping, duration(args, "linger"))
}

// dieInCharge has that many processes take the charge, one after the other and each as
// soon as the former has killed itself.
func dieInCharge(name string, times int) int {
	for range times {
		dying := exec.Command("/proc/self/exe", "charge", name, "die")
		dying.Stdout, dying.Stderr = os.Stdout, os.Stderr
		if err := dying.Run(); dying.ProcessState == nil {
			return failed(err)
		}
		if dying.ProcessState.ExitCode() != -1 { // no signal has ended it, and it has said why
			return 1
		}
	}
	return 0
}
