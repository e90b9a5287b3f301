package docker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// Neither a signal that is ignored nor a session or an environment of its own saves a
// process whose time is over.
func TestACommandWhoseTimeIsOverIsKilledWithItsChildren(t *testing.T) {
	shared := dockertest.New(t)
	supervisor, kit := shared.ScratchImage(t, "./cmd/supervisor"), shared.ScratchImage(t, "./test/testkit")
	sleeping := dockertest.Spec{Image: kit, Cmd: []string{"sleep"}}
	for name, test := range map[string]struct {
		why    string
		joined bool
		exec   engine.Exec
	}{
		"OwnPIDs":    {"the killer joins the one namespace there is", false, engine.Exec{}},
		"SharedPIDs": {"the processes are in another container's namespace", true, engine.Exec{}},
		"OtherUser":  {"root may see and kill those of others", false, engine.Exec{User: "1000:1000"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			e := open(t)
			e.UseHelper(engine.Container{Image: supervisor, Labels: d.Labels(nil)})
			target := d.Run(t, sleeping)
			if test.joined {
				joined := sleeping
				joined.PID = dockertest.Join(target)
				target = d.Run(t, joined)
			}
			spared := make(chan error, 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				_, err := e.Exec(ctx, engine.ID(target.ID), engine.Exec{Command: []string{"/testkit", "sleep", "spared"}})
				spared <- err
			}()
			defer func() { cancel(); <-spared }()

			var said bytes.Buffer
			test.exec.Command, test.exec.Output = []string{"/testkit", "family"}, &said
			late, cancelLate := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancelLate()
			if _, err := e.Exec(late, engine.ID(target.ID), test.exec); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "kill") {
				t.Errorf("%s: got %v", test.why, err)
			}
			if said.String() != "both born\n" {
				t.Errorf("it said %q: there were no children to kill", said.String())
			}
			if left, code := target.Exec(t, "/testkit", "find", "family", "ignore"); code == 0 {
				t.Errorf("%s; left:\n%s", test.why, left)
			}
			if _, code := target.Exec(t, "/testkit", "find", "spared"); code != 0 {
				t.Error("another command was killed with it")
			}
			if !target.Running(t) {
				t.Error("the container has ended with it")
			}
		})
	}
}

// An engine under load answers at once, and starts the command seconds later.
func TestACommandThatBeginsWhenItsTimeIsOverIsKilled(t *testing.T) {
	d := dockertest.New(t)
	supervisor, target := d.ScratchImage(t, "./cmd/supervisor"), d.Run(t, sleeping)
	started := startLate(t, d, 2*time.Second)
	e := open(t)
	e.UseHelper(engine.Container{Image: supervisor, Labels: d.Labels(nil)})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := e.Exec(ctx, engine.ID(target.ID), engine.Exec{Command: []string{"/testkit", "ignore"}})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, engine.ErrLeft) {
		t.Errorf("got %v", err)
	}
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	if left, code := target.Exec(t, "/testkit", "find", "ignore"); code == 0 {
		t.Errorf("left:\n%s", left)
	}
}

// startLate puts a proxy before the engine that docker.Open reaches. It has commands
// started so long after nobody listens to them any more, and tells when it has.
func startLate(t *testing.T, d *dockertest.Engine, delay time.Duration) (started <-chan error) {
	t.Helper()
	socket, told := d.Socket(t), make(chan error, 1)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine" },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}},
	}
	start := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			told <- err
			return
		}
		defer client.Close()
		fmt.Fprint(client, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
		_, _ = io.Copy(io.Discard, client)
		<-time.After(delay)
		told <- d.Client().ContainerExecStart(context.WithoutCancel(r.Context()), path.Base(path.Dir(r.URL.Path)), container.ExecStartOptions{Detach: true})
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if dir, last := path.Split(r.URL.Path); last == "start" && strings.Contains(dir, "/exec/") {
			start(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	t.Setenv("DOCKER_HOST", "tcp://"+s.Listener.Addr().String())
	return told
}

// Nobody who asks for a timeout may believe that it worked.
func TestACommandThatCannotBeKilledIsTold(t *testing.T) {
	d := dockertest.New(t)
	target := d.Run(t, sleeping)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := open(t).Exec(ctx, engine.ID(target.ID), engine.Exec{Command: []string{"/testkit", "ignore"}})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, engine.ErrLeft) || !strings.Contains(err.Error(), "cannot kill") {
		t.Errorf("got %v", err)
	}
}

func TestACommandRunsAsItIsAskedTo(t *testing.T) {
	d := dockertest.New(t)
	target := d.Run(t, sleeping)
	var out bytes.Buffer
	_, err := open(t).Exec(t.Context(), engine.ID(target.ID), engine.Exec{
		Command: []string{"/testkit", "id", "one two"}, User: "5:6", WorkingDir: "/proc", Output: &out,
	})
	if want := "uid 5\ngid 6\ngroups [6]\ncwd /proc\narg one two\n"; err != nil || out.String() != want {
		t.Errorf("got %q, %v, want %q", out.String(), err, want)
	}
}
