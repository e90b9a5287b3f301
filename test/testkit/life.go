package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// signals delivers TERM and INT from now on.
func signals() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGTERM, unix.SIGINT)
	return c
}

// sleep waits for a signal.
func sleep(args []string) int {
	stop := signals()
	if err := healthy(args); err != nil {
		return failed(err)
	}
	<-stop
	return 0
}

// ignore waits for ever.
func ignore(args []string) int {
	stop := signals()
	if err := healthy(args); err != nil {
		return failed(err)
	}
	for range stop {
	}
	return 0
}

// family has two children that are hard to find: one has left its parent's session,
// the other knows nothing of its parent's environment.
func family([]string) int {
	stop := signals()
	apart := exec.Command("/proc/self/exe", "ignore")
	apart.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	bare := exec.Command("/proc/self/exe", "ignore")
	bare.Env = []string{}
	for _, child := range []*exec.Cmd{apart, bare} {
		if err := child.Start(); err != nil {
			return failed(err)
		}
	}
	fmt.Println("both born")
	for range stop {
	}
	return 0
}

// healthy makes the file that the option health names, for a health check to find.
// From then on signals are handled.
func healthy(args []string) error {
	file := option(args, "health", "")
	if file == "" {
		return nil
	}
	time.Sleep(duration(args, "after"))
	return os.WriteFile(file, nil, 0o644)
}

// exit exits with a code, at once or later.
func exit(args []string) int {
	code, ok := number(args, 0)
	if !ok {
		return usage("exit needs a code")
	}
	time.Sleep(duration(args, "after"))
	return code
}

// kill dies as if someone had killed it. A PID namespace's first process cannot be
// killed from within, not by itself either.
func kill(args []string) int {
	time.Sleep(duration(args, "after"))
	if os.Getpid() == 1 {
		return 128 + int(unix.SIGKILL)
	}
	if err := unix.Kill(os.Getpid(), unix.SIGKILL); err != nil {
		return failed(err)
	}
	select {} // the signal is on its way
}

// send sends a signal to a process, as the shell's kill does.
func send(args []string) int {
	pid, ok := number(args, 0)
	signal := unix.SignalNum("SIG" + word(args, 1))
	if !ok || signal == 0 {
		return usage("signal needs a process and a signal such as TERM")
	}
	if err := unix.Kill(pid, signal); err != nil {
		return failed(err)
	}
	return 0
}

// history writes into a file that others write into as well when it was started,
// which signals it got and when it exits: who was told to end, how often, and in which
// order.
func history(args []string) int {
	file, name := word(args, 0), word(args, 1)
	if file == "" || name == "" {
		return usage("history needs a file and a name")
	}
	got := make(chan os.Signal, 8)
	signal.Notify(got, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	if err := record(file, name, "started"); err != nil {
		return failed(err)
	}
	if err := healthy(args); err != nil {
		return failed(err)
	}
	if err := record(file, name, short(<-got)); err != nil {
		return failed(err)
	}
	if flag(args, "linger") {
		if err := lingering(file, name, got, time.After(duration(args, "linger"))); err != nil {
			return failed(err)
		}
	}
	return 0
}

// lingering writes which more signals come until over, and then that it exits.
func lingering(file, name string, got <-chan os.Signal, over <-chan time.Time) error {
	for {
		select {
		case s := <-got:
			if err := record(file, name, short(s)); err != nil {
				return err
			}
		case <-over:
			return record(file, name, "exit")
		}
	}
}

// record appends one line in one write, so that no one else's gets into it.
func record(file, name, what string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "%d %s %s\n", time.Now().UnixNano(), name, what)
	return err
}

// short is a signal's name as history writes it: SIGTERM is "term".
func short(s os.Signal) string {
	name := unix.SignalName(s.(syscall.Signal))
	return strings.ToLower(strings.TrimPrefix(name, "SIG"))
}

// eat takes memory and keeps it until it gets a signal.
func eat(args []string) int {
	size, ok := number(args, 0)
	if !ok {
		return usage("eat needs a number of bytes")
	}
	stop := signals()
	meal := make([]byte, size)
	for i := 0; i < size; i += os.Getpagesize() {
		meal[i] = 1 // memory that no one has written is not there yet
	}
	fmt.Println("ate", size)
	<-stop
	runtime.KeepAlive(meal)
	return 0
}

// spin uses a processor until it gets a signal.
func spin([]string) int {
	stop := signals()
	for {
		select {
		case <-stop:
			return 0
		default:
		}
	}
}
