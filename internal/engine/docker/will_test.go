package docker_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
)

// The environment of this test's program when it is to be one that gets killed.
const (
	envLabel = "PODLIKE_TEST_LABEL" // the label's value of what it creates
	envCount = "PODLIKE_TEST_COUNT" // how many it creates at once
)

func TestMain(m *testing.M) {
	if os.Getenv(envLabel) != "" {
		os.Exit(createAndHang())
	}
	goleak.VerifyTestMain(m)
}

// createAndHang creates containers at once, says "sent" when it begins, "created"
// when all are there, and waits to be killed.
func createAndHang() int {
	ctx := context.Background()
	e, err := docker.Open(ctx)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	count, _ := strconv.Atoi(os.Getenv(envCount))
	var creates sync.WaitGroup
	fmt.Println("sent")
	for i := range count {
		creates.Go(func() {
			if _, _, err := e.Create(ctx, unstarted(i, os.Getenv(envLabel))); err != nil {
				fmt.Println(err)
			}
		})
	}
	creates.Wait()
	fmt.Println("created")
	select {}
}

// unstarted is a container that goes unless it is started.
func unstarted(i int, label string) engine.Container {
	return engine.Container{
		Name: fmt.Sprintf("podlike-test-%s-%d", label, i), Image: dockertest.Testkit, Command: []string{"sleep"},
		Labels: map[string]string{dockertest.Label: label},
	}
}

// doomed runs a program that creates containers, and kills it a while after it has
// said a word.
func doomed(t *testing.T, d *dockertest.Engine, count int, word string, after time.Duration) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.Command(self)
	p.Env = append(os.Environ(), envLabel+"="+d.Labels(nil)[dockertest.Label], envCount+"="+strconv.Itoa(count))
	out, err := p.StdoutPipe()
	if err := errors.Join(err, p.Start()); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	if !said.Scan() || word == "created" && !said.Scan() || said.Text() != word {
		t.Errorf("it said %q instead of %q", said.Text(), word)
	}
	time.Sleep(after) // the moment is what the test is about
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait() // it was killed
}

// left waits until as many of the scope's containers are there.
func left(t *testing.T, d *dockertest.Engine, count int, within time.Duration) {
	t.Helper()
	e := open(t)
	dockertest.Eventually(t, within, func() (bool, string) {
		all, err := e.List(t.Context(), d.Labels(nil))
		if err != nil {
			t.Fatal(err)
		}
		return len(all) == count, fmt.Sprintf("%d containers: %v", len(all), all)
	})
}

var sleeping = dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}}

// The moments of a request's life: before it is sent, under way, answered.
func TestWhatADeadProgramHasNotStartedGoes(t *testing.T) {
	for name, test := range map[string]struct {
		word  string
		after time.Duration
	}{
		"Created": {"created", 0},
		"Asked":   {"sent", 0},
		"At1ms":   {"sent", time.Millisecond},
		"At5ms":   {"sent", 5 * time.Millisecond},
		"At20ms":  {"sent", 20 * time.Millisecond},
		"At60ms":  {"sent", 60 * time.Millisecond},
		"At200ms": {"sent", 200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			doomed(t, d, 8, test.word, test.after)
			if test.word == "created" {
				left(t, d, 8, 0)
			}
			left(t, d, 0, 20*time.Second)
		})
	}
}

// A will that is still in force shows by what goes, and others stay.
func TestAWillDoesNothingWhenItIsWithdrawn(t *testing.T) {
	d := dockertest.New(t)
	label, e := d.Labels(nil)[dockertest.Label], open(t)
	if !e.LeavesWills() {
		t.Fatal("there are none on a socket of this machine")
	}
	made := func(i int) engine.ID {
		id, _, err := e.Create(t.Context(), unstarted(i, label))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	made(1) // nobody comes to start it
	started, copied := made(2), made(3)
	if err := errors.Join(e.Start(t.Context(), started), e.Put(t.Context(), copied, "/", bytes.NewReader(emptyTar()))); err != nil {
		t.Fatal(err)
	}
	if err := e.Remove(t.Context(), made(4)); err != nil {
		t.Fatal(err)
	}
	newer := d.Create(t, dockertest.Spec{Image: dockertest.Testkit, Name: unstarted(4, label).Name})
	left(t, d, 4, 0)
	left(t, d, 3, 20*time.Second)
	for what, id := range map[string]string{"started": string(started), "copied into": string(copied), "another of the same name": newer.ID} {
		if !d.Container(t, id).Exists(t) {
			t.Errorf("it has gone though it was %s", what)
		}
	}
}

// emptyTar is the end of an archive.
func emptyTar() []byte { return make([]byte, 1024) }

func TestACreateThatFailsLeavesNothing(t *testing.T) {
	d := dockertest.New(t)
	e := open(t)
	c := unstarted(0, d.Labels(nil)[dockertest.Label])
	c.Image = "podlike/missing:none"
	before := descriptors(t)
	for range 10 {
		if _, _, err := e.Create(t.Context(), c); !errors.Is(err, engine.ErrNotFound) {
			t.Fatalf("got %v, want not found", err)
		}
	}
	left(t, d, 0, 0)
	if now := descriptors(t); now > before+5 {
		t.Errorf("%d descriptors, %d before", now, before)
	}
}

// descriptors counts what this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// A daemon answers as the real one does, as far as wills need it.
type daemon struct {
	create http.HandlerFunc
	hurry  time.Duration // by how much it carries out a will too early
	gone   string        // what it says of the container where it is not there any more

	mu   sync.Mutex
	seen []string // the requests, as "METHOD last/parts"
	open int      // connections
}

// serve answers on that network until the test is over, and names it to docker.Open.
func (d *daemon) serve(t *testing.T, network, address string) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(d)
	_ = s.Listener.Close()
	s.Listener = l
	s.Config.ConnState = d.connection
	s.Start()
	t.Cleanup(s.Close)
	t.Setenv("DOCKER_HOST", network+"://"+l.Addr().String())
	if network == "unix" {
		t.Setenv("DOCKER_HOST", "unix://"+address)
	}
}

// connection counts those that are open.
func (d *daemon) connection(_ net.Conn, s http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch s {
	case http.StateNew:
		d.open++
	case http.StateClosed:
		d.open--
	}
}

func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	last := path.Base(r.URL.Path)
	d.mu.Lock()
	d.seen = append(d.seen, r.Method+" "+last)
	d.mu.Unlock()
	w.Header().Set("Api-Version", "1.41")
	switch last {
	case "create":
		_, _ = io.Copy(io.Discard, r.Body) // a daemon creates nothing before it has read what
		d.create(w, r)
	case "events":
		until, _ := strconv.ParseFloat(r.URL.Query().Get("until"), 64)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(time.Until(time.UnixMicro(int64(until * 1e6)).Add(-d.hurry))) // as the real one waits, but for that
	case "start", "wait", "attach", "json":
		switch d.gone {
		case "":
			w.WriteHeader(http.StatusNoContent)
		case "no such container":
			refuse(w, http.StatusNotFound, d.gone)
		default:
			refuse(w, http.StatusConflict, d.gone)
		}
	case "archive":
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

// refuse says why something is not done, as the real one does.
func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, "{%q: %q}", "message", why)
}

// count is how often it was asked that.
func (d *daemon) count(request string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.seen {
		if one == request {
			n++
		}
	}
	return n
}

func (d *daemon) has(request string) bool { return d.count(request) > 0 }

// idle waits until all connections are closed.
func (d *daemon) idle(t *testing.T) {
	t.Helper()
	dockertest.Eventually(t, 10*time.Second, func() (bool, string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.open == 0, fmt.Sprintf("%d connections, after %s", d.open, strings.Join(d.seen, ", "))
	})
}

// newDaemon makes one that creates what it is asked to.
func newDaemon() *daemon {
	return &daemon{hurry: 7 * time.Second, create: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintln(w, `{"Id": "new"}`)
	}}
}

func TestAWillIsCarriedOutUnlessWithdrawn(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		then func(*docker.Engine, context.Context) error
		done bool
	}{
		"Created": {"nobody came to start it", func(*docker.Engine, context.Context) error { return nil }, true},
		"Started": {"it has a life of its own now", func(e *docker.Engine, ctx context.Context) error { return e.Start(ctx, "new") }, false},
		"Copied":  {"that may take longer", func(e *docker.Engine, ctx context.Context) error { return e.Put(ctx, "new", "/", bytes.NewReader(nil)) }, false},
		"Removed": {"there is nothing left to remove", func(e *docker.Engine, ctx context.Context) error { return e.Remove(ctx, "new") }, false},
		"Closed":  {"who is to start it has gone", func(e *docker.Engine, _ context.Context) error { return e.Close() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDaemon()
			d.serve(t, "unix", filepath.Join(t.TempDir(), "socket"))
			e, err := docker.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := e.Create(t.Context(), engine.Container{Name: "web"}); err != nil {
				t.Fatal(err)
			}
			dockertest.Eventually(t, 5*time.Second, func() (bool, string) { return d.has("GET events"), "no wait" })
			if err := test.then(e, t.Context()); err != nil {
				t.Fatal(err)
			}
			if test.done {
				dockertest.Eventually(t, 5*time.Second, func() (bool, string) { return d.has("DELETE web"), "no delete" })
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			d.idle(t)
			if d.has("DELETE web") != test.done {
				t.Errorf("deleted %v, want %v: %s", !test.done, test.done, test.why)
			}
		})
	}
}

// Nobody will start what may or may not have been created.
func TestAnAnswerThatNeverCameLeavesAWill(t *testing.T) {
	d := newDaemon()
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan struct{})
	d.create = func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		<-answer
		w.WriteHeader(http.StatusCreated)
	}
	d.serve(t, "unix", filepath.Join(t.TempDir(), "socket"))
	e := open(t)
	if _, _, err := e.Create(ctx, engine.Container{Name: "web"}); !errors.Is(err, context.Canceled) || errors.Is(err, engine.ErrUnreachable) {
		t.Errorf("got %v, want the context's error", err)
	}
	close(answer)
	dockertest.Eventually(t, 5*time.Second, func() (bool, string) { return d.has("DELETE web"), "no delete" })
}

// An engine may take so long that the will's time comes before it can be started.
func TestASlowEngineGetsNoWill(t *testing.T) {
	for name, test := range map[string]struct {
		takes            time.Duration
		creates, deletes int
	}{
		"Slow":     {4500 * time.Millisecond, 1, 0},
		"VerySlow": {8 * time.Second, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDaemon()
			quick := d.create
			d.hurry = 0
			d.create = func(w http.ResponseWriter, r *http.Request) {
				if d.count("POST create") == 1 {
					time.Sleep(test.takes)
				}
				quick(w, r)
			}
			d.serve(t, "unix", filepath.Join(t.TempDir(), "socket"))
			e, err := docker.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if id, _, err := e.Create(t.Context(), engine.Container{Name: "web"}); err != nil || id != "new" {
				t.Errorf("got %q, %v", id, err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			d.idle(t)
			if d.count("POST create") != test.creates || d.count("DELETE new") != test.deletes || test.deletes == 0 && d.has("DELETE web") {
				t.Errorf("requests %v", d.seen)
			}
		})
	}
}

func TestARefusedCreateHasNoWill(t *testing.T) {
	d := newDaemon()
	d.create = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintln(w, `{"message": "no such image"}`)
	}
	d.serve(t, "unix", filepath.Join(t.TempDir(), "socket"))
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Create(t.Context(), engine.Container{Name: "web"}); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	d.idle(t)
	if d.has("DELETE web") {
		t.Error("what is not there was deleted")
	}
}

// A proxy that answers the first request of a will itself has the second carried out at once.
func TestThereAreNoWillsWhereOneWasCarriedOutBeforeItsTime(t *testing.T) {
	start := func(e *docker.Engine, ctx context.Context) error { return e.Start(ctx, "new") }
	for name, test := range map[string]struct {
		why, gone string
		call      func(*docker.Engine, context.Context) error
		want      error // nil: any
		wills     bool
	}{
		"Start":    {"it is gone", "no such container", start, engine.ErrNotFound, false},
		"Starting": {"it is about to go", "container is marked for removal and cannot be started", start, engine.ErrNotFound, false},
		"Wait": {"it is gone", "no such container", func(e *docker.Engine, ctx context.Context) error {
			_, err := e.Wait(ctx, "new")
			return err
		}, engine.ErrNotFound, false},
		"Attach": {"it is gone", "no such container", func(e *docker.Engine, ctx context.Context) error {
			_, err := e.Attach(ctx, "new", engine.Container{Name: "web"})
			return err
		}, engine.ErrNotFound, false},
		"Another":   {"what had no will was not removed by one", "no such container", func(e *docker.Engine, ctx context.Context) error { return e.Start(ctx, "old") }, engine.ErrNotFound, true},
		"Otherwise": {"it is there", "port is already allocated", start, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDaemon()
			d.hurry, d.gone = 0, test.gone
			d.serve(t, "unix", filepath.Join(t.TempDir(), "socket"))
			e := open(t)
			if _, _, err := e.Create(t.Context(), engine.Container{Name: "web"}); err != nil {
				t.Fatal(err)
			}
			if err := test.call(e, t.Context()); err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v: %s", err, test.want, test.why)
			}
			if _, _, err := e.Create(t.Context(), engine.Container{Name: "web"}); err != nil || e.LeavesWills() != test.wills {
				t.Errorf("there are wills: %v, want %v; %v", !test.wills, test.wills, err)
			}
			want := map[bool]int{true: 2, false: 1}[test.wills]
			dockertest.Eventually(t, 5*time.Second, func() (bool, string) { // the daemon is asked for each behind the answer
				n := d.count("GET events")
				return n == want, fmt.Sprintf("%d wills were left, want %d: %s", n, want, test.why)
			})
		})
	}
}

// A descriptor cannot be sent over a network.
func TestOverANetworkThereAreNoWills(t *testing.T) {
	d := newDaemon()
	d.serve(t, "tcp", "127.0.0.1:0")
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if id, _, err := e.Create(t.Context(), engine.Container{Name: "web"}); err != nil || id != "new" || e.LeavesWills() {
		t.Errorf("got %q, %v", id, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	d.idle(t)
	if d.has("GET events") || !d.has("POST create") {
		t.Errorf("requests %v", d.seen)
	}
}
