package main

import (
	"io"
	"os"
	"syscall"
	"testing"
	"time"
)

// ends are the two ends of a lease: a pause's, and the supervisor's.
func ends(t *testing.T) (ours int, theirs *os.File) {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs = os.NewFile(uintptr(pair[1]), "supervisor")
	t.Cleanup(func() {
		syscall.Close(pair[0])
		theirs.Close()
	})
	return pair[0], theirs
}

func TestWhatTheSupervisorSaysIsHeardBeforeItsEnd(t *testing.T) {
	ours, theirs := ends(t)
	if _, err := theirs.WriteString("g?s"); err != nil { // what is not known is of a later version
		t.Fatal(err)
	}
	if err := write(ours, sayAsked); err != nil { // unread, it makes of the end an error
		t.Fatal(err)
	}
	theirs.Close()

	heard := listen(ours)
	for _, want := range []event{granted, stopping} {
		if got, held := <-heard; got != want || !held {
			t.Errorf("heard %v, %v, want %v", got, held, want)
		}
	}
	if e, held := <-heard; held {
		t.Errorf("heard %v from one who is gone", e)
	}
}

// The engine that shuts down sends both a signal, and the supervisor may be the faster one.
func TestASignalThatHasComeCountsBeforeTheEndOfTheLease(t *testing.T) {
	ours, theirs := ends(t)
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	h := holder{lease: ours, signals: signals, state: state{leased: true, granted: true}}
	if code := h.lost(); code != 0 {
		t.Errorf("there was a lease, and the exit code is %d", code)
	}
	syscall.Shutdown(ours, syscall.SHUT_WR)
	if told, err := io.ReadAll(theirs); err != nil || string(told) != sayAsked {
		t.Errorf("the supervisor was told %q, %v, want %q: the signal is not heard", told, err, sayAsked)
	}
}

// connected are the two ends of a connection as accept makes it: pause closes its own.
func connected(t *testing.T) (ours int, theirs *os.File) {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs = os.NewFile(uintptr(pair[1]), "supervisor")
	t.Cleanup(func() { theirs.Close() })
	if err := theirs.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return pair[0], theirs
}

// charged is a holder with one in charge who has died, which nobody has heard yet, and one
// who claims.
func charged(t *testing.T) (h *holder, claiming *claimant, next *os.File) {
	t.Helper()
	holding, former := connected(t)
	if _, err := former.WriteString("s?"); err != nil {
		t.Fatal(err)
	}
	former.Close()
	conn, next := connected(t)
	h = &holder{state: state{charged: true}, charge: charge{holder: holding, taken: []byte("tformer\n"), memory: -1}}
	t.Cleanup(func() {
		if h.charge.holder >= 0 {
			syscall.Close(h.charge.holder)
		}
	})
	return h, &claimant{fd: conn}, next
}

func TestAClaimIsNotRefusedForOneWhoIsDead(t *testing.T) {
	h, claiming, next := charged(t)
	h.claim(claiming, []byte("next"))
	var answer [16]byte
	if n, err := next.Read(answer[:]); err != nil || string(answer[:n]) != "g" {
		t.Errorf("answered %q, %v", answer[:n], err)
	}
	if want := (state{charged: true}); h.state != want || h.holderName() != "next" || claiming.fd >= 0 {
		t.Errorf("%+v, and %s is in charge", h.state, h.holderName())
	}
}

// As with a lease: the signal was first, so pause is on its way down when the end is heard.
func TestASignalThatHasComeCountsBeforeTheEndOfTheCharge(t *testing.T) {
	h, claiming, next := charged(t)
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	h.signals = signals
	h.claim(claiming, []byte("next"))
	if want := (state{charged: true, told: true, asked: true, ending: true}); h.state != want {
		t.Errorf("%+v, want %+v", h.state, want)
	}
	var answer [16]byte
	if n, err := next.Read(answer[:]); n != 0 || err != io.EOF {
		t.Errorf("one who comes too late is answered %q, %v", answer[:n], err)
	}
}

func TestOneTooManyTakesThePlaceOfTheFirst(t *testing.T) {
	var c charge
	now := time.Now()
	for _, due := range []time.Duration{3, 1, 2} {
		c.claimants = append(c.claimants, claimant{fd: 0, due: now.Add(due)})
	}
	if got := c.place(); got != &c.claimants[1] {
		t.Errorf("the place of the one who is due after %v is taken", got.due.Sub(now))
	}
	c.claimants[2].fd = -1
	if got := c.place(); got != &c.claimants[2] {
		t.Error("a place that is free is not taken")
	}
}
