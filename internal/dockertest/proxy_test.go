package dockertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// moment is how long a test looks at what must not happen.
const moment = 100 * time.Millisecond

// A standIn answers on a socket as an engine does, as far as connections go.
type standIn struct {
	heard atomic.Int64 // calls of /count
	gone  chan struct{}
	next  chan string // what /events says next
}

// proxyTo opens a proxy to a stand-in, and a client of it.
func proxyTo(t *testing.T) (*standIn, *Proxy, *http.Client) {
	t.Helper()
	dir, err := os.MkdirTemp("", "podlike-engine-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "engine.sock")
	s := &standIn{gone: make(chan struct{}), next: make(chan string, 10)}
	server := httptest.NewUnstartedServer(s.pages())
	server.Listener.Close()
	if server.Listener, err = net.Listen("unix", socket); err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)

	p, err := openProxy(socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(t) })
	ours := p.Socket() // now: closes looks for goroutines in the proxy's methods, and a client dials when it likes
	client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", ours)
	}}}
	t.Cleanup(client.CloseIdleConnections)
	return s, p, client
}

// pages are what a stand-in answers.
func (s *standIn) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/count", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s.heard.Add(1)) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, _ *http.Request) {
		http.NewResponseController(w).EnableFullDuplex() // or the server itself waits for the body
		w.WriteHeader(http.StatusConflict)
		http.NewResponseController(w).Flush()
	})
	mux.HandleFunc("/wait", func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(s.gone)
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		for {
			select {
			case text := <-s.next:
				io.WriteString(w, text)
				http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("/v1.41/attach", attach)
	return mux
}

// attach says in capitals what it is told, and at the end of that how much it was.
func attach(w http.ResponseWriter, r *http.Request) {
	conn, from, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	if r.Header.Get("Upgrade") != "" {
		io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	} else {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n")
	}
	total := 0
	for b := make([]byte, 4096); ; {
		n, err := from.Read(b)
		total += n
		conn.Write(bytes.ToUpper(b[:n]))
		if err != nil {
			fmt.Fprintf(conn, "%d in all", total)
			return
		}
	}
}

// ask gets a page, and returns the status and what it says.
func ask(client *http.Client, page string) (status int, text string, err error) {
	a, err := client.Get("http://engine" + page)
	if err != nil {
		return 0, "", err
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	return a.StatusCode, string(body), err
}

// asked is ask in a goroutine that ends with the test.
func asked(t *testing.T, client *http.Client, page string) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() {
		_, _, err := ask(client, page)
		ended <- err
	})
	t.Cleanup(running.Wait)
	return ended
}

// answers asserts that a call through the proxy is answered by the stand-in.
func answers(t *testing.T, client *http.Client) {
	t.Helper()
	if status, text, err := ask(client, "/count"); err != nil || status != http.StatusOK {
		t.Errorf("answered with %d %q, %v", status, text, err)
	}
}

// dial connects to a proxy and asks it to attach.
func dial(t *testing.T, p *Proxy, headers string) *net.UnixConn {
	t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: p.Socket()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "POST /v1.41/attach HTTP/1.1\r\nHost: engine\r\n"+headers+"\r\nhello "); err != nil {
		t.Fatal(err)
	}
	return conn
}

// reads asserts that a text comes next, once the head of an answer has been skipped.
func reads(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v, want %q", got[:n], err, want)
	}
}

const upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n"

func TestAProxyPassesOnManyLargeBodiesAtOnce(t *testing.T) {
	_, p, client := proxyTo(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 3 { // on one connection, one after the other
				body := make([]byte, 1<<20)
				rand.Read(body)
				a, err := client.Post("http://engine/echo", "", bytes.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(a.Body)
				a.Body.Close()
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("%d bytes came back of %d, or others: %v", len(got), len(body), err)
				}
			}
		})
	}
	all.Wait()
	if n := p.Calls(Call{Method: http.MethodPost, Path: "/echo"}); n != 60 {
		t.Errorf("%d calls were counted of 60", n)
	}
}

// A body that is sent in chunks has no length before its end, and one that the engine
// does not want to read is no reason to wait.
func TestAProxyPassesOnBodiesWithoutALengthAndEarlyAnswers(t *testing.T) {
	_, _, client := proxyTo(t)
	endless := io.MultiReader(strings.NewReader("some"), strings.NewReader(" text"))
	a, err := client.Post("http://engine/echo", "", struct{ io.Reader }{endless})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if got, err := io.ReadAll(a.Body); err != nil || string(got) != "some text" {
		t.Errorf("%q came back, %v", got, err)
	}
	silent, write := io.Pipe()
	defer write.Close()
	a, err = client.Post("http://engine/refuse", "", struct{ io.Reader }{silent})
	if err != nil || a.StatusCode != http.StatusConflict {
		t.Fatalf("answered with %v, %v", a, err)
	}
	a.Body.Close()
}

func TestAProxyPassesOnAnAnswerPieceByPiece(t *testing.T) {
	s, _, client := proxyTo(t)
	a, err := client.Get("http://engine/events")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	for _, text := range []string{"one", "two", "three"} {
		s.next <- text
		reads(t, a.Body, text)
	}
}

func TestAProxyPassesOnHijackedConnectionsAndTheirHalfClose(t *testing.T) {
	for name, test := range map[string]struct{ why, headers, head string }{
		"Upgraded": {"clients of today ask for it", upgrade, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"},
		"Plain":    {"older ones do not", "", "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, p, _ := proxyTo(t)
			conn := dial(t, p, test.headers)
			reads(t, conn, test.head+"HELLO ")
			if _, err := io.WriteString(conn, "you"); err != nil {
				t.Fatal(err)
			}
			reads(t, conn, "YOU")
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(conn); err != nil || string(rest) != "9 in all" {
				t.Errorf("after the end of the one half came %q, %v; %s", rest, err, test.why)
			}
		})
	}
}

func TestTheEngineHearsThatAClientHasGoneWhoseCallLasts(t *testing.T) {
	s, p, client := proxyTo(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/wait", nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := client.Do(request)
		ended <- err
	}()
	Eventually(t, 5*time.Second, func() (bool, string) { return p.Calls(Call{Path: "/wait"}) == 1, "no call" })
	cancel()
	<-ended
	select {
	case <-s.gone:
	case <-time.After(5 * time.Second):
		t.Error("the engine still works for a client that has gone")
	}
}

func TestACutEndsAllPresentConnectionsAndNoNewOnes(t *testing.T) {
	s, p, client := proxyTo(t)
	hijacked := dial(t, p, upgrade)
	reads(t, hijacked, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nHELLO ")
	waiting, err := client.Get("http://engine/events")
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Body.Close()
	s.next <- "one"
	reads(t, waiting.Body, "one")

	if hits := p.Suffer(t.Context(), Fault{Kind: Cut}); hits != 2 {
		t.Errorf("%d connections were cut of 2", hits)
	}
	if _, err := io.ReadAll(waiting.Body); err == nil {
		t.Error("a cut answer looks whole")
	}
	if rest, _ := io.ReadAll(hijacked); len(rest) > 0 {
		t.Errorf("the hijacked connection goes on with %q", rest)
	}
	answers(t, client)
}

func TestAStallHoldsTheBytesOfPresentAndNewConnections(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		kind Kind
		lost bool
	}{
		"Flows": {"what was held comes when it is over", Stall, false},
		"Cut":   {"or it never comes", StallCut, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, p, client := proxyTo(t)
			conn := dial(t, p, upgrade)
			reads(t, conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nHELLO ")
			end := p.Inject(Fault{Kind: test.kind})
			if _, err := io.WriteString(conn, "you"); err != nil {
				t.Fatal(err)
			}
			fresh := asked(t, client, "/count")
			conn.SetReadDeadline(time.Now().Add(moment))
			if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read %d bytes while they are held, %v", n, err)
			}
			if n := s.heard.Load(); n > 0 {
				t.Error("the engine has heard a new connection")
			}
			end()
			conn.SetReadDeadline(time.Time{})
			if err := <-fresh; (err != nil) != test.lost {
				t.Errorf("the new connection has ended with %v; %s", err, test.why)
			}
			if test.lost {
				if rest, _ := io.ReadAll(conn); len(rest) > 0 {
					t.Errorf("read %q; %s", rest, test.why)
				}
				return
			}
			reads(t, conn, "YOU")
		})
	}
}

func TestNobodyListensUntilARefusalIsOver(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		kind Kind
		want error
		stay bool // connections that there are
	}{
		"Refuse": {"nobody listens on the file", Refuse, unix.ECONNREFUSED, true},
		"Unlink": {"there is no file", Unlink, fs.ErrNotExist, true},
		"Down":   {"an engine that ends takes its connections along", Down, unix.ECONNREFUSED, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, p, client := proxyTo(t)
			present, err := client.Get("http://engine/events")
			if err != nil {
				t.Fatal(err)
			}
			defer present.Body.Close()
			first, second := p.Inject(Fault{Kind: test.kind}), p.Inject(Fault{Kind: test.kind})
			first() // the other one still lasts
			if _, _, err := ask(client, "/count"); !errors.Is(err, test.want) {
				t.Errorf("connecting ends with %v; %s", err, test.why)
			}
			s.next <- "more"
			if n, err := io.ReadFull(present.Body, make([]byte, 4)); (err == nil) != test.stay {
				t.Errorf("a present connection has %d bytes, %v; %s", n, err, test.why)
			}
			second()
			answers(t, client)
		})
	}
}

func TestCallsAreAnsweredWithErrorsInTheEnginesPlace(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		fault  Fault
		status int
		body   string
		heard  int64
	}{
		"Everything": {"an engine that has lost its disk", Fault{Kind: Answer}, 500, `{"message":"chaos"}`, 0},
		"Page":       {"a proxy without an engine", Fault{Kind: Answer, Status: 502, HTML: true}, 502, "<html><body><h1>502 Bad Gateway</h1></body></html>", 0},
		"Chosen":     {"the one that is meant", Fault{Kind: Answer, Call: Call{Path: "/count"}}, 500, `{"message":"chaos"}`, 0},
		"Another":    {"one that is not meant", Fault{Kind: Answer, Call: Call{Method: "POST", Path: "/count"}}, 200, "1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, p, client := proxyTo(t)
			end := p.Inject(test.fault)
			if status, text, err := ask(client, "/count"); status != test.status || text != test.body || err != nil {
				t.Errorf("answered with %d %q, %v; %s", status, text, err, test.why)
			}
			if n := s.heard.Load(); n != test.heard {
				t.Errorf("the engine has heard %d calls; %s", n, test.why)
			}
			end()
			answers(t, client)
		})
	}
}

func TestOneCallFails(t *testing.T) {
	s, p, client := proxyTo(t)
	end := p.Inject(FailOnce(Call{Path: "/count"}))
	if status, _, err := ask(client, "/count"); status != http.StatusInternalServerError || err != nil {
		t.Errorf("the first is answered with %d, %v", status, err)
	}
	answers(t, client)
	if hits := end(); hits != 1 || s.heard.Load() != 1 {
		t.Errorf("%d calls were struck, and the engine has heard %d", hits, s.heard.Load())
	}
}

func TestALostAnswerIsToACallThatWasDone(t *testing.T) {
	s, p, client := proxyTo(t)
	end := p.Inject(LoseOnce(Call{Path: "/count"}))
	// Not a GET: the client would ask again by itself.
	if a, err := client.Post("http://engine/count", "", strings.NewReader("x")); err == nil {
		t.Errorf("answered with %s", a.Status)
		a.Body.Close()
	}
	if hits := end(); hits != 1 || s.heard.Load() != 1 {
		t.Errorf("%d answers were lost, and the engine has heard %d calls", hits, s.heard.Load())
	}
	answers(t, client)
}

func TestACallThatHangsIsDoneLaterAndOthersAtOnce(t *testing.T) {
	s, p, client := proxyTo(t)
	end := p.Inject(Fault{Kind: Hang, Call: Call{Path: "/count"}})
	hanging := asked(t, client, "/count")
	Eventually(t, 5*time.Second, func() (bool, string) { return p.Calls(Call{Path: "/count"}) == 1, "no call" })
	if status, _, err := ask(client, "/refuse"); status != http.StatusConflict || err != nil {
		t.Errorf("another call is answered with %d, %v", status, err)
	}
	if s.heard.Load() != 0 {
		t.Error("the engine has heard the call")
	}
	if hits := end(); hits != 1 {
		t.Errorf("%d calls hang", hits)
	}
	if err := <-hanging; err != nil || s.heard.Load() != 1 {
		t.Errorf("the call has ended with %v, and the engine has heard %d", err, s.heard.Load())
	}
}

func TestAFaultIsOverWhenItsTimeIs(t *testing.T) {
	_, p, client := proxyTo(t)
	began := time.Now()
	if hits := p.Suffer(t.Context(), Fault{Kind: Refuse, For: moment}); hits != 0 || time.Since(began) < moment {
		t.Errorf("over after %v with %d hits", time.Since(began), hits)
	}
	answers(t, client)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	p.Suffer(over, Fault{Kind: Refuse, For: time.Hour})
	answers(t, client)
}

func TestNothingOfAProxyIsLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for range 20 { // what is over by chance is not over every time
		var dir string
		t.Run("Proxy", func(t *testing.T) { dir = closes(t) })
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the directory is left: %v", err)
		}
	}
	goleak.VerifyNone(t, before)
}

// closes closes a proxy in the middle of everything, and returns its directory.
func closes(t *testing.T) (dir string) {
	s, p, client := proxyTo(t)
	dial(t, p, upgrade)
	idle, err := net.Dial("unix", p.Socket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { idle.Close() })
	answers(t, client)
	p.Inject(Fault{Kind: Hang, Call: Call{Path: "/count"}})
	hangs := asked(t, client, "/count")
	Eventually(t, 5*time.Second, func() (bool, string) { return p.Calls(Call{Path: "/count"}) == 2, "no call" })
	p.Inject(Fault{Kind: Stall})
	if err := p.close(); err != nil {
		t.Error(err)
	}
	running := make([]byte, 1<<20)
	running = running[:runtime.Stack(running, true)] // goleak would give it another second
	if bytes.Contains(running, []byte("(*link)")) || bytes.Contains(running, []byte("(*Proxy)")) {
		t.Errorf("the proxy is closed and runs:\n%s", running)
	}
	if err := <-hangs; err == nil || s.heard.Load() != 1 {
		t.Errorf("a call has outlived the proxy: %v", err)
	}
	return p.Dir()
}
