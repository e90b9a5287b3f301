package lease

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
)

// patience is how long anything that is to happen may take.
const patience = 30 * time.Second

// offer makes an offer that ends with the test.
func offer(t *testing.T) *Offer {
	t.Helper()
	o, err := NewOffer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

// connect connects to an offer and says something, as pause or somebody else does.
func connect(t *testing.T, o *Offer, say string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", o.name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, say); err != nil {
		t.Fatal(err)
	}
	return conn
}

// granted has a pause in this process take an offer.
func granted(t *testing.T, o *Offer) (l *Lease, pause net.Conn) {
	t.Helper()
	pause = connect(t, o, o.token)
	l, err := o.Grant(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	hears(t, pause, "g")
	return l, pause
}

// hears compares the next bytes that the other end sends.
func hears(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("heard %q and %v, want %q", got[:n], err, want)
	}
}

// over expects the other end of a connection to have let go, having said nothing.
func over(t *testing.T, why string, conn net.Conn) {
	t.Helper()
	n, err := conn.Read(make([]byte, 1))
	if err == nil || n > 0 || isTimeout(err) {
		t.Errorf("%s: it is connected: read %d bytes, %v", why, n, err)
	}
}

// isTimeout tells whether nothing has happened for too long.
func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// happens waits until a channel is closed.
func happens(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, what)
	}
}

// open expects a channel not to be closed.
func open(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
		t.Error(what)
	default:
	}
}

func TestTheTwoEndsHearWhatTheOtherSays(t *testing.T) {
	l, pause := granted(t, offer(t))
	if err := l.Stopping(); err != nil {
		t.Fatal(err)
	}
	hears(t, pause, "s")
	open(t, "asked, although pause has said nothing", l.Asked())
	if _, err := io.WriteString(pause, "?aa"); err != nil { // one that it does not know, and one too many
		t.Fatal(err)
	}
	happens(t, "pause has said that it was asked", l.Asked())
	open(t, "lost, although pause holds on", l.Lost())

	pause.Close()
	happens(t, "pause has let go", l.Lost())
	if err := l.Stopping(); err == nil {
		t.Error("told one who is gone that the pod stops")
	}
}

func TestTheEndOfALeaseReachesPause(t *testing.T) {
	l, pause := granted(t, offer(t))
	l.Close()
	over(t, "closed", pause)
	open(t, "asked by the end", l.Asked())
	happens(t, "the lease is over", l.Lost())
	l.Close() // again
}

func TestALeaseIsOneByOneAndOnce(t *testing.T) {
	o := offer(t)
	silent, wrong, short := connect(t, o, ""), connect(t, o, strings.Repeat("x", len(o.token))), connect(t, o, o.token[1:])
	granted(t, o)
	for why, conn := range map[string]net.Conn{"silent": silent, "with the wrong token": wrong, "with a part of the token": short} {
		over(t, why, conn)
	}
	if conn, err := net.Dial("unix", o.name); err == nil {
		conn.Close()
		t.Error("one with the token can connect although the lease is granted")
	}
	if _, err := o.Grant(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("granted once more: %v", err)
	}
}

func TestTwoWithTheTokenDoNotGetTwoLeases(t *testing.T) {
	o := offer(t)
	first, second := connect(t, o, o.token), connect(t, o, o.token)
	l, err := o.Grant(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	said := ""
	for _, conn := range []net.Conn{first, second} {
		got, err := io.ReadAll(conn)
		if isTimeout(err) {
			t.Errorf("one is connected: %v", err)
		}
		said += string(got)
	}
	if said != "g" {
		t.Errorf("the two were told %q, want one g", said)
	}
}

// In the network of the whole machine anyone may connect, and as often as they like.
func TestManyWithoutATokenDelayNobody(t *testing.T) {
	o := offer(t)
	result := make(chan error, 1)
	go func() { // waited for below
		l, err := o.Grant(t.Context())
		if err == nil {
			l.Close()
		}
		result <- err
	}()
	began := time.Now()
	first := connect(t, o, "")
	for range 3 * maxCandidates {
		connect(t, o, "")
	}
	over(t, "the first of too many that are silent", first)
	connect(t, o, o.token)
	select {
	case err := <-result:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("the lease is not granted while others are silent")
	}
	if took := time.Since(began); took > tokenTimeout/2 {
		t.Errorf("it took %v", took)
	}
}

// Those who connect right behind pause must not use up the time that it has: it may run
// on a starved machine.
func TestManyBehindPauseDoNotTakeItsPlace(t *testing.T) {
	o := offer(t)
	pause := connect(t, o, "")
	for range 2 * maxCandidates { // nobody is accepted yet
		connect(t, o, "")
	}
	result := make(chan error, 1)
	go func() { // waited for below
		l, err := o.Grant(t.Context())
		if err == nil {
			l.Close()
		}
		result <- err
	}()
	<-time.After(hurryTimeout / 10)
	if _, err := io.WriteString(pause, o.token); err != nil {
		t.Errorf("pause had no time: %v", err)
		o.Close()
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestWhoShowsNoTokenIsLetGoInTime(t *testing.T) {
	o := offer(t)
	o.timeout = 200 * time.Millisecond
	silent, slow := connect(t, o, ""), connect(t, o, "")
	ended := make(chan error)
	go func() { // waited for below
		_, err := o.Grant(t.Context())
		ended <- err
	}()
	began := time.Now()
	for _, err := io.WriteString(slow, "x"); err == nil; _, err = io.WriteString(slow, "x") { // never at rest
		time.Sleep(o.timeout / 10) // the whole token would take longer
	}
	over(t, "silent", silent)
	if took := time.Since(began); took < o.timeout {
		t.Errorf("they had %v, less than %v", took, o.timeout)
	}
	o.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
}

func TestGrantEndsWithItsContext(t *testing.T) {
	before := runtime.NumGoroutine()
	o := offer(t)
	silent := connect(t, o, "")
	reason := errors.New("the pod is not wanted any more")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(reason) })
	if _, err := o.Grant(ctx); !errors.Is(err, reason) {
		t.Errorf("ended with %v, want %v", err, reason)
	}
	over(t, "silent", silent)
	if _, err := net.Dial("unix", o.name); err == nil {
		t.Error("one can connect to an offer that is over")
	}
	dockertest.Eventually(t, patience, func() (bool, string) {
		return runtime.NumGoroutine() <= before, "a goroutine is left"
	})
}

func TestAnOfferCanBeTakenBack(t *testing.T) {
	o := offer(t)
	o.Close()
	if _, err := o.Grant(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("granted: %v", err)
	}
}

func TestNoTwoOffersAreAlike(t *testing.T) {
	a, b := offer(t), offer(t)
	if a.name == b.name || a.token == b.token || strings.Contains(a.name, a.token) {
		t.Errorf("%s and %s", a.Env(), b.Env())
	}
	if want := "PODLIKE_LEASE=" + a.name + ":" + a.token; a.Env() != want {
		t.Errorf("pause gets %q, want %q", a.Env(), want)
	}
}

// Whatever time there was to show the token, the lease itself has no end. This is a lease
// of a pipe: a loop whose tests have a clock that stands still can have one as well.
func TestALeaseIsHeldForAsLongAsBothLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, pause := net.Pipe()
		ours.SetReadDeadline(time.Now().Add(tokenTimeout))
		l := Hold(ours)
		time.Sleep(time.Hour)
		synctest.Wait()
		open(t, "lost by waiting", l.Lost())
		io.WriteString(pause, "??") // what it does not know
		synctest.Wait()
		open(t, "asked by something else", l.Asked())
		go io.WriteString(pause, "a")
		<-l.Asked()
		l.Close()
		over(t, "closed", pause)
	})
}

// A slow connection takes its time to end what is read from it.
type slow struct{ net.Conn }

func (s slow) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	time.Sleep(time.Hour)
	return n, err
}

func TestCloseWaitsForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, _ := net.Pipe()
		l := Hold(slow{ours})
		began := time.Now()
		l.Close()
		if took := time.Since(began); took != time.Hour {
			t.Errorf("closed after %v, and still being read", took)
		}
	})
}
