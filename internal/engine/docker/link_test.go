package docker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
)

// A server answers pings as an engine does, and all else as it is told to.
func serve(t *testing.T, network string, answer http.HandlerFunc) (*docker.Engine, *httptest.Server) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "socket")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		if !strings.HasSuffix(r.URL.Path, "_ping") {
			answer(w, r)
		}
	}))
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	t.Setenv("DOCKER_HOST", network+"://"+l.Addr().String())
	return open(t), s
}

// said answers with a status and a text of a type.
func said(status int, kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}

// jsonSaid answers as an engine does.
func jsonSaid(status int, text string) http.HandlerFunc {
	return said(status, "application/json", fmt.Sprintf(`{"message":%q}`, text))
}

// hangUp ends the connection without an answer, or after a part of one.
func hangUp(part string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, part)
			_ = conn.Close()
		}
	}
}

// kinds are all that a failed call may be of.
var kinds = []error{
	engine.ErrNotFound, engine.ErrNameInUse, engine.ErrUnreachable, engine.ErrNotSent,
	engine.ErrInternal, engine.ErrUnavailable, engine.ErrNoCommand, engine.ErrNoLog,
}

// isOnly checks the kinds of an error.
func isOnly(t *testing.T, err error, what string, wanted ...error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	for _, kind := range kinds {
		is := false
		for _, one := range wanted {
			is = is || one == kind
		}
		if errors.Is(err, kind) != is {
			t.Errorf("%s: %q: that %q is %t, want %t", what, err, kind, !is, is)
		}
	}
}

const html = "<html><body>Bad</body></html>"

func TestAnAnswerThatIsNotTheEnginesSaysNothing(t *testing.T) {
	cut := []error{engine.ErrUnreachable}
	for name, test := range map[string]struct {
		why    string
		answer http.HandlerFunc
		want   []error
	}{
		"HangsUp":        {"no answer", hangUp(""), cut},
		"HalfAnAnswer":   {"not all of it", hangUp("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n{\"Id\""), cut},
		"HalfAHeader":    {"less of it", hangUp("HTTP/1.1 200 "), cut},
		"NoHTTP":         {"another protocol", hangUp("SSH-2.0-x\r\n"), cut},
		"Nothing":        {"an empty answer", said(200, "application/json", ""), cut},
		"NoJSON":         {"a page in its place", said(200, "text/html", html), cut},
		"BadGateway":     {"a proxy has lost it", said(502, "text/html", html), cut},
		"Unavailable":    {"it restarts", said(503, "text/plain", "no server"), cut},
		"UnavailableToo": {"in its own form", jsonSaid(503, "starting"), cut},
		"GatewayTimeout": {"it is slow", jsonSaid(504, "timeout"), cut},
		"HTML500":        {"a proxy's own fault", said(500, "text/html", html), cut},
		"Plain404":       {"a proxy knows nothing of containers", said(404, "text/plain", "404 page not found"), cut},
		"Timeout":        {"nor does it say more", said(408, "text/html", html), cut},
		"NotFound":       {"the engine's word", jsonSaid(404, "No such container: web"), []error{engine.ErrNotFound}},
		"Forbidden":      {"a proxy that lets some calls through", said(403, "text/html", html), nil},
		"Internal":       {"it may do better", jsonSaid(500, "context deadline exceeded"), []error{engine.ErrInternal}},
		"Containerd":     {"what it needs restarts", jsonSaid(500, `connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused": unavailable`), []error{engine.ErrInternal}},
		"BadRequest":     {"it stays bad", jsonSaid(400, "bad parameter"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := serve(t, "unix", test.answer)
			_, err := e.Inspect(t.Context(), "web")
			isOnly(t, err, test.why, test.want...)
			_, err = e.Attach(t.Context(), "web", engine.Container{Name: "web"})
			isOnly(t, err, "attach: "+test.why, test.want...)
		})
	}
}

func TestWhatTheRuntimeRefusesLasts(t *testing.T) {
	for why, text := range map[string]string{
		"a mount":       `error while mounting volume '/x': failed to mount local volume: mount /x:/y: no such device`,
		"a runtime":     `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: x`,
		"a port":        `driver failed programming external connectivity on endpoint web: Bind for 0.0.0.0:80 failed: port is already allocated`,
		"a device":      `could not select device driver "nvidia" with capabilities: [[gpu]]`,
		"no such thing": `error gathering device information while adding custom device "/dev/none": no such file or directory`,
		"a cgroup":      `cgroup driver "systemd" is missing`,
		"a joined one":  `cannot join network of a non running container: abc`,
		"a full disk":   `mkdir /var/lib/docker/overlay2/x: no space left on device`,
	} {
		e, _ := serve(t, "unix", jsonSaid(500, text))
		isOnly(t, e.Start(t.Context(), "web"), why)
		_, _, err := e.Create(t.Context(), engine.Container{Name: "web"})
		isOnly(t, err, why)
	}
}

func TestANameInUseIsTold(t *testing.T) {
	e, _ := serve(t, "tcp", jsonSaid(409, `Conflict. The container name "/web" is already in use by container "abc". `+
		`You have to remove (or rename) that container to be able to reuse that name.`))
	_, _, err := e.Create(t.Context(), engine.Container{Name: "web"})
	isOnly(t, err, "create", engine.ErrNameInUse)
}

// all calls what asks for one answer, and what opens a stream.
func calls(ctx context.Context, e *docker.Engine) map[string]error {
	got := map[string]error{}
	_, got["Inspect"] = e.Inspect(ctx, "web")
	_, got["List"] = e.List(ctx, nil)
	_, _, got["Create"] = e.Create(ctx, engine.Container{Name: "web"})
	got["Start"] = e.Start(ctx, "web")
	_, got["Wait"] = e.Wait(ctx, "web")
	got["Signal"] = e.Signal(ctx, "web", "SIGTERM")
	got["Resize"] = e.Resize(ctx, "web", 1, 1)
	got["Remove"] = e.Remove(ctx, "web")
	_, got["Attach"] = e.Attach(ctx, "web", engine.Container{Name: "web"})
	_, got["Log"] = e.Log(ctx, "web", false, time.Time{})
	_, got["Stat"] = e.Stat(ctx, "web", "/")
	got["Put"] = e.Put(ctx, "web", "/", strings.NewReader("x"))
	_, got["Read"] = e.Read(ctx, "web", "/", 1)
	_, got["Exec"] = e.Exec(ctx, "web", engine.Exec{Command: []string{"x"}})
	_, got["Image"] = e.Image(ctx, "web")
	got["Pull"] = e.Pull(ctx, "web", "", engine.Credential{}, ignore)
	_, got["Volumes"] = e.Volumes(ctx, nil)
	_, got["Volume"] = e.Volume(ctx, "web")
	got["RemoveVolume"] = e.RemoveVolume(ctx, "web")
	got["Watch"] = e.Watch(ctx, nil, func(engine.Sign) {})
	_, got["Past"] = e.Past(ctx, nil, time.Time{})
	return got
}

func TestAnEngineThatHasGoneIsUnreachable(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		for name, test := range map[string]struct {
			happens func(*httptest.Server)
			unsent  bool
		}{
			"Gone":    {(*httptest.Server).Close, true},
			"HangsUp": {func(*httptest.Server) {}, false},
		} {
			t.Run(network+name, func(t *testing.T) {
				e, s := serve(t, network, hangUp(""))
				test.happens(s)
				for method, err := range calls(t.Context(), e) {
					want := []error{engine.ErrUnreachable}
					if test.unsent {
						want = append(want, engine.ErrNotSent)
					}
					if method == "Pull" {
						want = append(want, engine.ErrUnavailable)
					}
					isOnly(t, err, method, want...)
				}
			})
		}
	}
}

// An engine that does not answer, as with a client attached that does not read.
func TestEveryCallHeedsItsContext(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			over := make(chan struct{})
			e, _ := serve(t, network, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				<-over
			})
			defer close(over)
			tired := errors.New("tired")
			for method := range calls(ended(t, tired), e) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, tired)
				got := make(chan error, 1)
				go func() { got <- only(ctx, e, method) }()
				select {
				case err := <-got:
					if !errors.Is(err, tired) || errors.Is(err, engine.ErrUnreachable) {
						t.Errorf("%s: got %v", method, err)
					}
				case <-time.After(10 * time.Second):
					t.Errorf("%s waits for ever", method)
				}
				cancel()
			}
		})
	}
}

// ended is a context that is over.
func ended(t *testing.T, why error) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	return ctx
}

// only calls one method; others find their context over.
func only(ctx context.Context, e *docker.Engine, method string) error {
	switch method {
	case "Attach":
		_, err := e.Attach(ctx, "web", engine.Container{Name: "web"})
		return err
	case "Log":
		_, err := e.Log(ctx, "web", false, time.Time{})
		return err
	case "Wait":
		_, err := e.Wait(ctx, "web")
		return err
	case "Put":
		return e.Put(ctx, "web", "/", strings.NewReader("x"))
	case "Create":
		_, _, err := e.Create(ctx, engine.Container{Name: "web"})
		return err
	case "Watch":
		return e.Watch(ctx, nil, func(engine.Sign) {})
	case "Past":
		_, err := e.Past(ctx, nil, time.Time{})
		return err
	case "Pull":
		return e.Pull(ctx, "web", "", engine.Credential{}, ignore)
	case "Stat":
		_, err := e.Stat(ctx, "web", "/")
		return err
	}
	_, err := e.Inspect(ctx, "web")
	return err
}

// A wait that is cut is not an end, whatever is in its place.
func TestAWaitThatIsCutIsNoEnd(t *testing.T) {
	for why, rest := range map[string]string{"cut": "", "a proxy's word": "timeout\n"} {
		waits := 0
		e, _ := serve(t, "unix", func(w http.ResponseWriter, r *http.Request) {
			waits++
			w.Header().Set("Content-Type", "application/json")
			_ = http.NewResponseController(w).Flush()
			<-time.After(50 * time.Millisecond)
			fmt.Fprint(w, rest)
		})
		end, err := e.Wait(t.Context(), "web")
		if err != nil {
			t.Fatal(err)
		}
		isOnly(t, (<-end).Err, why, engine.ErrUnreachable)
		if waits != 1 {
			t.Errorf("asked %d times", waits)
		}
	}
}

// frame is one as an engine sends it.
func frame(stream byte, text string) string {
	return string([]byte{stream, 0, 0, 0, 0, 0, byte(len(text) >> 8), byte(len(text))}) + text
}

func TestALogThatIsCutIsNoEnd(t *testing.T) {
	const at = "2026-01-02T03:04:05.000000006Z "
	whole := frame(1, at+"one two\n") + frame(2, at+"part")
	for name, test := range map[string]struct {
		body string
		want error
	}{
		"End":      {whole, io.EOF},
		"InHeader": {whole + "\x01\x00", engine.ErrUnreachable},
		"AtText":   {whole + frame(1, at+"x")[:8], engine.ErrUnreachable},
		"InText":   {whole + frame(1, at+"x")[:20], engine.ErrUnreachable},
		"Failed":   {whole + frame(3, "Error grabbing logs: bad"), engine.ErrInternal},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := serve(t, "unix", func(w http.ResponseWriter, r *http.Request) {
				if q := r.URL.Query(); q.Get("since") != "5.000000007" || q.Get("follow") != "1" || q.Get("timestamps") != "1" {
					t.Errorf("asked for %v", q)
				}
				fmt.Fprint(w, test.body)
			})
			l, err := e.Log(t.Context(), "web", false, time.Unix(5, 7))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			for i, want := range []string{"one two\n", "part"} {
				r, err := l.Next()
				if err != nil || string(r.Text) != want || r.Stderr != (i == 1) || !r.At.Equal(time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)) {
					t.Errorf("record %d is %+v %q, %v", i, r, r.Text, err)
				}
			}
			if _, err := l.Next(); !errors.Is(err, test.want) || test.want != io.EOF && errors.Is(err, io.EOF) {
				t.Errorf("then: %v, want %v", err, test.want)
			}
		})
	}
}

func TestAnArchiveThatCannotBeReadIsNotTheEnginesFault(t *testing.T) {
	e, _ := serve(t, "unix", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	unread := errors.New("bad disk")
	err := e.Put(t.Context(), "web", "/", io.MultiReader(strings.NewReader("x"), broken{unread}))
	if !errors.Is(err, unread) {
		t.Errorf("got %v", err)
	}
	isOnly(t, err, "put")
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// A stream outlives the context that it was opened with.
func TestAStreamOutlivesItsOpening(t *testing.T) {
	d := dockertest.New(t)
	c := d.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"lines", "3", "every", "300ms", "stay", "/said"}})
	e := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := e.Attach(ctx, engine.ID(c.ID), engine.Container{Name: c.ID})
	if err != nil {
		t.Fatal(err)
	}
	log, logErr := e.Log(ctx, engine.ID(c.ID), false, time.Time{})
	if logErr != nil {
		t.Fatal(logErr)
	}
	cancel()
	defer log.Close()
	defer stream.Close()
	got := make(chan string, 1)
	go func() {
		var all strings.Builder
		_ = stream.Copy(&all, &all)
		got <- all.String()
	}()
	for range 3 {
		if _, err := log.Next(); err != nil {
			t.Fatal(err)
		}
	}
	c.Kill(t, "KILL")
	if all := <-got; !strings.HasSuffix(all, "line 3\n") {
		t.Errorf("the stream gave %q", all)
	}
}

// A registry's outage, of which newer engines tell with its own status.
func TestARegistrysOutageIsNotTheEngines(t *testing.T) {
	e, _ := serve(t, "unix", jsonSaid(503, "received unexpected HTTP status: 503 Service Unavailable"))
	isOnly(t, e.Pull(t.Context(), "web", "", engine.Credential{}, ignore), "pull", engine.ErrUnavailable)
}

func TestAStreamThatIsResetTellsSo(t *testing.T) {
	e, _ := serve(t, "tcp", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
		_, _ = conn.Read(make([]byte, 1)) // it is attached
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	})
	stream, err := e.Attach(t.Context(), "web", engine.Container{Name: "web"})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if _, err := stream.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	isOnly(t, stream.Copy(io.Discard, io.Discard), "copy", engine.ErrUnreachable)
}

// Who has mounted nothing, or something else, is told what to mount; only an engine that was
// there may come back.
func TestAnEngineThatIsNotThereIsToldWithTheRemedy(t *testing.T) {
	dir := t.TempDir()
	dead := filepath.Join(dir, "dead")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	file := filepath.Join(dir, "file")
	if err := errors.Join(l.Close(), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	const mount = " (mount its socket, or name another in DOCKER_HOST): the engine cannot be reached: "
	const noSocket = ": there is no socket but a file or directory, such as an engine makes of a path that is not there; mount the path that its socket has"
	for name, test := range map[string]struct {
		why, host, says string
		away            bool
	}{
		"None":    {"its path was not mounted", "unix://" + dir + "/none", mount + "no such file or directory", true},
		"NoDir":   {"nor the directory", "unix://" + dir + "/none/none", mount + "no such file or directory", true},
		"Dir":     {"an engine makes one of what it does not have", "unix://" + dir, noSocket, false},
		"File":    {"something else was mounted", "unix://" + file, noSocket, false},
		"Dead":    {"it may be about to restart", "unix://" + dead, mount + "nothing answers there", true},
		"Port":    {"it may be about to restart", "tcp://127.0.0.1:1", mount + "nothing answers there", true},
		"Through": {"a file has nothing in it", "unix://" + file + "/socket", mount + "not a directory", true},
	} {
		t.Setenv("DOCKER_HOST", test.host)
		_, err := docker.Open(t.Context())
		want := "cannot reach the engine at " + test.host + test.says
		if fmt.Sprint(err) != want || errors.Is(err, engine.ErrUnreachable) != test.away {
			t.Errorf("%s: got\n%v\nwant\n%s\n%s", name, err, want, test.why)
		}
	}
}

// Debian's 20.10, killed while it removed a container, lists that ever after.
func TestWhatIsListedWithoutANameIsNotThere(t *testing.T) {
	e, _ := serve(t, "unix", said(200, "application/json",
		`[{"Id":"a","Names":["/web"],"State":"dead"},{"Id":"b","Names":[],"State":"dead"},{"Id":"c","State":"dead"}]`))
	all, err := e.List(t.Context(), nil)
	if err != nil || len(all) != 1 || all[0].Name != "web" {
		t.Errorf("got %+v, %v", all, err)
	}
}

// An engine that was just done with a removal when it was asked to wait for it never says so.
func TestAContainerThatIsGoneIsNotWaitedFor(t *testing.T) {
	over := make(chan struct{})
	e, _ := serve(t, "tcp", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodDelete:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusConflict)
			io.WriteString(w, `{"message": "removal of container x is already in progress"}`)
		case strings.HasSuffix(r.URL.Path, "/wait"):
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-over:
			}
		default:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"message": "No such container: x"}`)
		}
	})
	defer close(over)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := e.Remove(ctx, "x"); err != nil {
		t.Error(err)
	}
}
