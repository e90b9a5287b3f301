package docker_test

import (
	"bufio"
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
	"slices"
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
	envOwner  = "PODLIKE_TEST_OWNER"  // ID of the owner of what it creates
	envLabel  = "PODLIKE_TEST_LABEL"  // the label's value of what it creates
	envCount  = "PODLIKE_TEST_COUNT"  // how many it creates at once
	envWithin = "PODLIKE_TEST_WITHIN" // within what time what it creates is to be started
)

func TestMain(m *testing.M) {
	if os.Getenv(envOwner) != "" {
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
	within, _ := time.ParseDuration(os.Getenv(envWithin))
	var creates sync.WaitGroup
	fmt.Println("sent")
	for i := range count {
		creates.Go(func() {
			c := heir(i, os.Getenv(envOwner), os.Getenv(envLabel))
			c.StartWithin = within
			if _, _, err := e.Create(ctx, c); err != nil {
				fmt.Println(err)
			}
		})
	}
	creates.Wait()
	fmt.Println("created")
	select {}
}

// heir is a container that goes with its owner unless it is started.
func heir(i int, owner, label string) engine.Container {
	return engine.Container{
		Name: fmt.Sprintf("podlike-test-%.12s-%d", owner, i), Image: dockertest.Testkit, Command: []string{"sleep"},
		Labels: map[string]string{dockertest.Label: label}, Owner: engine.ID(owner),
	}
}

// doomed runs a program that creates containers, and kills it a while after it has
// said a word. More is added to its environment.
func doomed(t *testing.T, d *dockertest.Engine, owner string, count int, word string, after time.Duration, more ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.Command(self)
	p.Env = append(os.Environ(), envOwner+"="+owner, envLabel+"="+d.Labels(nil)[dockertest.Label], envCount+"="+strconv.Itoa(count))
	p.Env = append(p.Env, more...)
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

// heirs waits until as many containers are there, beside the owner.
func heirs(t *testing.T, d *dockertest.Engine, owner string, count int, within time.Duration) {
	t.Helper()
	e := open(t)
	dockertest.Eventually(t, within, func() (bool, string) {
		all, err := e.List(t.Context(), d.Labels(nil))
		if err != nil {
			t.Fatal(err)
		}
		all = slices.DeleteFunc(all, func(s engine.Seen) bool { return string(s.ID) == owner })
		return len(all) == count, fmt.Sprintf("%d containers: %v", len(all), all)
	})
}

var sleeping = dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}}

func TestWhatADeadProgramHasCreatedGoesWithItsOwner(t *testing.T) {
	for name, end := range map[string]func(*dockertest.Container, *testing.T){
		"Stopped": func(c *dockertest.Container, t *testing.T) { c.Stop(t, 5*time.Second) },
		"Killed":  func(c *dockertest.Container, t *testing.T) { c.Kill(t, "KILL") },
		"Removed": func(c *dockertest.Container, t *testing.T) { c.Remove(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			owner := d.Run(t, sleeping)
			doomed(t, d, owner.ID, 20, "created", 0)
			heirs(t, d, owner.ID, 20, 5*time.Second)
			end(owner, t)
			heirs(t, d, owner.ID, 0, 5*time.Second)
		})
	}
}

// The moments of a request's life: before it is sent, under way, answered.
func TestWhatWasBeingCreatedGoesWithItsOwner(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			owner := d.Run(t, sleeping)
			doomed(t, d, owner.ID, 8, "sent", after)
			owner.Kill(t, "KILL")
			heirs(t, d, owner.ID, 0, 5*time.Second)
		})
	}
}

// The owner lives on, and so may the pod in it.
func TestWhatADeadProgramWasToStartInTimeGoes(t *testing.T) {
	for name, test := range map[string]struct {
		word  string
		after time.Duration
	}{
		"Created": {"created", 0},
		"Asked":   {"sent", 0},
		"Soon":    {"sent", 20 * time.Millisecond},
		"Later":   {"sent", 100 * time.Millisecond},
		"Late":    {"sent", 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			owner := d.Run(t, sleeping)
			doomed(t, d, owner.ID, 8, test.word, test.after, envWithin+"=5s")
			if test.word == "created" {
				heirs(t, d, owner.ID, 8, 0)
			}
			heirs(t, d, owner.ID, 0, 10*time.Second)
			if !owner.Running(t) {
				t.Error("the owner has ended")
			}
		})
	}
}

// The one that had the name before was not started in time.
func TestANewerContainerOfTheSameNameStays(t *testing.T) {
	d := dockertest.New(t)
	label := d.Labels(nil)[dockertest.Label]
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, last := heir(1, "nobody", label), heir(2, "nobody", label)
	first.StartWithin, last.StartWithin = 2*time.Second, 3*time.Second
	id, _, err := e.Create(t.Context(), first)
	_, _, lastErr := e.Create(t.Context(), last)
	if err := errors.Join(err, lastErr, e.Close()); err != nil { // the wills are left
		t.Fatal(err)
	}
	d.Container(t, string(id)).Remove(t)
	first.Owner, first.StartWithin = "", 0
	newer, _, err := open(t).Create(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	heirs(t, d, string(newer), 0, 10*time.Second)
	if !d.Container(t, string(newer)).Exists(t) {
		t.Error("it went with the one before")
	}
}

// A will names its container, and a name may pass on.
func TestAWillDoesNothingWhenItIsWithdrawn(t *testing.T) {
	d := dockertest.New(t)
	owner := d.Run(t, sleeping)
	e := open(t)
	c := heir(99, owner.ID, d.Labels(nil)[dockertest.Label])
	id, _, err := e.Create(t.Context(), c)
	if err := errors.Join(err, e.Remove(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	c.Owner = ""
	if _, _, err := e.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	// Those that have wills show when the engine has noticed the owner's end.
	doomed(t, d, owner.ID, 2, "created", 0)
	heirs(t, d, owner.ID, 3, 5*time.Second)
	owner.Stop(t, 5*time.Second)
	heirs(t, d, owner.ID, 1, 5*time.Second)
}

func TestACreateThatFailsLeavesNothing(t *testing.T) {
	d := dockertest.New(t)
	owner := d.Run(t, sleeping)
	e := open(t)
	c := heir(0, owner.ID, d.Labels(nil)[dockertest.Label])
	c.Image = "podlike/missing:none"
	before := descriptors(t)
	for range 10 {
		if _, _, err := e.Create(t.Context(), c); !errors.Is(err, engine.ErrNotFound) {
			t.Fatalf("got %v, want not found", err)
		}
	}
	heirs(t, d, owner.ID, 0, 0)
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
	ownerEnded chan struct{} // ends the waits for the owner
	create     http.HandlerFunc
	rename     int // the status it answers with

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
	case "wait":
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-d.ownerEnded
		fmt.Fprintln(w, `{"StatusCode": 0}`)
	case "events":
		until, _ := strconv.ParseFloat(r.URL.Query().Get("until"), 64)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(time.Until(time.UnixMicro(int64(until * 1e6)))) // as the real one waits
	case "rename":
		w.WriteHeader(d.rename)
	case "start":
		w.WriteHeader(http.StatusNoContent)
	}
}

func (d *daemon) has(request string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.seen, request)
}

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
	return &daemon{ownerEnded: make(chan struct{}), rename: http.StatusNoContent, create: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintln(w, `{"Id": "new"}`)
	}}
}

func TestAWillIsCarriedOutUnlessWithdrawn(t *testing.T) {
	start := func(e *docker.Engine, ctx context.Context) error { return e.Start(ctx, "new") }
	for name, test := range map[string]struct {
		why  string
		then func(*docker.Engine, context.Context) error
		done bool
	}{
		"Created": {"nobody came to start it", func(*docker.Engine, context.Context) error { return nil }, true},
		"Started": {"it has a life of its own now", start, false},
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
			if _, _, err := e.Create(t.Context(), engine.Container{Name: "web", Owner: "owner"}); err != nil {
				t.Fatal(err)
			}
			dockertest.Eventually(t, 5*time.Second, func() (bool, string) { return d.has("POST wait"), "no wait" })
			if err := test.then(e, t.Context()); err != nil {
				t.Fatal(err)
			}
			close(d.ownerEnded)
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

func TestAWillInTimeEndsByItself(t *testing.T) {
	nothing := func(*docker.Engine, context.Context) error { return nil }
	for name, test := range map[string]struct {
		why    string
		rename int
		then   func(*docker.Engine, context.Context) error
		gone   bool
	}{
		"Created": {"nobody came to start it", http.StatusNoContent, nothing, true},
		"Started": {"it has a life of its own now", http.StatusNoContent, func(e *docker.Engine, ctx context.Context) error { return e.Start(ctx, "new") }, false},
		"Taken":   {"it was given up at once", http.StatusConflict, nothing, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDaemon()
			d.rename = test.rename
			d.serve(t, "unix", filepath.Join(t.TempDir(), "socket"))
			e := open(t)
			_, _, err := e.Create(t.Context(), engine.Container{Name: "web", Owner: "owner", StartWithin: time.Second})
			if (err == nil) != (test.rename == http.StatusNoContent) {
				t.Fatal(err)
			}
			if err := test.then(e, t.Context()); err != nil {
				t.Fatal(err)
			}
			if test.gone {
				dockertest.Eventually(t, 5*time.Second, func() (bool, string) { return d.has("DELETE new"), "no delete" })
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			d.idle(t)
			if d.has("DELETE new") != test.gone || d.has("DELETE web") {
				t.Errorf("%s; requests %v", test.why, d.seen)
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
	if _, _, err := e.Create(ctx, engine.Container{Name: "web", Owner: "owner"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	close(answer)
	close(d.ownerEnded)
	dockertest.Eventually(t, 5*time.Second, func() (bool, string) { return d.has("DELETE web"), "no delete" })
}

func TestARefusedCreateHasNoWill(t *testing.T) {
	d := newDaemon()
	d.create = func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"message": "no such image"}`, http.StatusNotFound)
	}
	d.serve(t, "unix", filepath.Join(t.TempDir(), "socket"))
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Create(t.Context(), engine.Container{Name: "web", Owner: "owner"}); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	close(d.ownerEnded)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	d.idle(t)
	if d.has("DELETE web") {
		t.Error("what is not there was deleted")
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
	if id, _, err := e.Create(t.Context(), engine.Container{Name: "web", Owner: "owner"}); err != nil || id != "new" {
		t.Errorf("got %q, %v", id, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	d.idle(t)
	if d.has("POST wait") || !d.has("POST create") {
		t.Errorf("requests %v", d.seen)
	}
}
