// Package pull runs whole pods on a real engine whose images come from a private
// registry: a supervisor with credentials in files, as a user gives them to it.
package pull

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/keyring"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// dockerConfig is where a supervisor of these tests has DOCKER_CONFIG.
const dockerConfig = "/docker"

// A place is a registry with one image in it, and a supervisor to run it.
type place struct {
	*dockertest.Registry
	d               *dockertest.Engine
	supervisor, ref string
}

func newPlace(t *testing.T) place {
	t.Helper()
	d := dockertest.New(t)
	d.Need(t, dockertest.Pause)
	r := d.Registry(t)
	return place{Registry: r, d: d, supervisor: d.ScratchImage(t, "./cmd/supervisor"), ref: r.Push(t, "team/app:1")}
}

// file writes a file of credentials with one entry for the registry.
func (p place) file(t *testing.T, entry string) string {
	t.Helper()
	return write(t, fmt.Sprintf(`{"auths": {%q: %s}}`, p.Host, entry))
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// auth is an entry as docker login writes it.
func auth(user, password string) string {
	return fmt.Sprintf(`{"auth": %q}`, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// run runs a pod of one component, which exits with 7, to its end. Secret and config
// are files of credentials, or empty. It returns the exit code and all that was logged.
func (p place) run(t *testing.T, secret, config string) (code int, log string) {
	t.Helper()
	p.d.Forget(t, p.ref)
	spec := p.d.Supervisor(t, map[string]string{
		pod.ComponentPrefix + "app": fmt.Sprintf("{image: %q, command: exit 7}", p.ref),
	}, "-pause-image", dockertest.Pause)
	spec.Image, spec.Env = p.supervisor, []string{"DOCKER_CONFIG=" + dockerConfig}
	if secret != "" {
		spec.Binds = append(spec.Binds, secret+":"+keyring.Secret+":ro")
	}
	if config != "" {
		spec.Binds = append(spec.Binds, config+":"+dockerConfig+"/config.json:ro")
	}
	c := p.d.Run(t, spec)
	code = c.Wait(t)
	p.d.Gone(t, c.ID, 0)
	log = c.Output(t)
	for _, secret := range []string{p.Password, "wrong-password", base64.StdEncoding.EncodeToString([]byte(p.User + ":" + p.Password))} {
		if strings.Contains(log, secret) {
			t.Errorf("the log tells a secret:\n%s", log)
		}
	}
	return code, log
}

// why is what the last record of a log says about the pod's end.
func why(t *testing.T, log string) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(log), "\n")
	var last struct{ Message, Why string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Message != string(event.Ended) {
		t.Fatalf("the last record does not tell of the end:\n%s", log)
	}
	return last.Why
}

func TestAPodPullsWithTheCredentialsItWasGiven(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	right, wrong := p.file(t, auth(p.User, p.Password)), p.file(t, auth(p.User, "wrong-password"))
	plain := p.file(t, fmt.Sprintf(`{"username": %q, "password": %q}`, p.User, p.Password))
	others := write(t, fmt.Sprintf(`{"auths": {"q.example": %s}}`, auth("other", "wrong-password")))
	helped := write(t, fmt.Sprintf(`{"credHelpers": {%q: "vault"}}`, p.Host))
	refused := "cannot pull " + p.ref + ": the registry refuses access: "
	none := "no credentials for " + p.Host + " were found"

	for _, c := range []struct {
		why            string
		secret, config string
		code           int
		says           []string
	}{
		{"the right ones in the secret", right, "", 7, nil},
		{"user and password as they are", plain, "", 7, nil},
		{"the right ones in DOCKER_CONFIG", "", right, 7, nil},
		{"the secret's win", right, wrong, 7, nil},
		{"DOCKER_CONFIG's, where the secret has none for this registry", others, right, 7, nil},
		{"wrong ones", wrong, right, 125, []string{refused, "credentials for " + p.Host + " in " + keyring.Secret + ": correct them"}},
		{"none", "", "", 125, []string{refused, none, keyring.Secret}},
		{"those for another registry", others, "", 125, []string{refused, none, keyring.Secret}},
		{"those of a helper", "", helped, 125, []string{refused, dockerConfig + "/config.json leaves", "helper vault", keyring.Secret}},
	} {
		code, log := p.run(t, c.secret, c.config)
		if code != c.code {
			t.Errorf("%s: exited with %d, want %d:\n%s", c.why, code, c.code, log)
		}
		for _, want := range c.says {
			if got := why(t, log); !strings.Contains(got, want) {
				t.Errorf("%s: the last record says %q, and not %q", c.why, got, want)
			}
		}
	}
}

// What is wrong with the file is told with all else that is wrong, before anything is made.
func TestABadFileOfCredentialsEndsThePodBeforeItBegins(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for text, want := range map[string]string{
		`{"auths": {"r.example": {"auth": "wrong-password"}}}`: ": auths: r.example: auth: must be base64\n",
		"{\n  \"auths\": wrong-password\n}":                    ": is not JSON: line 2, column 12\n",
	} {
		code, log := p.run(t, write(t, text), "")
		if code != 2 || log != "supervisor: "+keyring.Secret+want {
			t.Errorf("exited with %d and said %q, want %q", code, log, want)
		}
	}
}

func TestAPodOutlastsARegistryThatIsAwayForAMoment(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	right := p.file(t, auth(p.User, p.Password))
	manifests := func(req *http.Request) string {
		if !strings.Contains(req.URL.Path, "/manifests/") {
			return ""
		}
		return req.Method // an engine asks by HEAD, and again by GET if that fails
	}
	every := func(*http.Request) string { return "any" }
	for _, c := range []struct {
		why string
		of  func(*http.Request) string // the kind of a request; those of a kind fail twice
		min int
	}{
		{"it does not know its images", manifests, 2},
		{"it answers nothing, so the engine does not learn that it wants credentials", every, 1},
	} {
		p.Fault(twice(c.of))
		code, log := p.run(t, right, "")
		if code != 7 {
			t.Errorf("%s: exited with %d:\n%s", c.why, code, log)
		}
		if n := strings.Count(log, string(event.PullRetried)); n < c.min {
			t.Errorf("%s: pulled again %d times, want %d:\n%s", c.why, n, c.min, log)
		}
	}
}

// twice answers the first two requests of each kind with 503. The empty kind is good.
func twice(kind func(*http.Request) string) func(*http.Request) int {
	seen := map[string]int{}
	return func(req *http.Request) int {
		k := kind(req)
		if seen[k]++; k == "" || seen[k] > 2 {
			return 0
		}
		return http.StatusServiceUnavailable
	}
}

// A forgetful engine loses a component's image when it is about to be used, once.
type forgetful struct {
	*docker.Engine
	lose  func(ref string)
	times sync.Once
}

// Create implements engine.Engine.
func (f *forgetful) Create(ctx context.Context, c engine.Container) (engine.ID, []string, error) {
	if c.Labels[pod.LabelRole] == pod.RoleComponent {
		f.times.Do(func() { f.lose(c.Image) })
	}
	return f.Engine.Create(ctx, c)
}

func TestAnImageThatVanishesBetweenPullAndCreateIsPulledAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	keys, err := keyring.Read(p.file(t, auth(p.User, p.Password)))
	if err != nil {
		t.Fatal(err)
	}
	d, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	owner := p.d.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}})
	var told histories
	code := supervise.New(supervise.Config{
		Engine: &forgetful{Engine: d, lose: func(ref string) { p.d.Forget(t, ref) }}, Keys: keys, Book: logbuffer.NewBuffer(1 << 16), Emit: told.add,
		Owner: pod.Owner{ID: owner.ID, Name: owner.Name},
		Pod: pod.Complete(pod.Pod{
			Components: []pod.Component{{Name: "app", Image: p.ref, Command: []string{"exit", "7"}}},
			PauseImage: dockertest.Pause, SharePID: true, ShareIPC: true, Grace: 10 * time.Second,
		}),
	}).Run(t.Context())

	want := []event.Kind{event.Pulling, event.Pulled, event.Pulling, event.Pulled}
	if diff := cmp.Diff(want, told.of(p.ref)); diff != "" || code != 7 {
		t.Errorf("exited with %d, want 7:\n%s", code, diff)
	}
	p.d.Gone(t, owner.ID, 0)
}

// histories are events in the order in which they were told.
type histories struct {
	mu  sync.Mutex
	all []event.Event
}

func (h *histories) add(e event.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, e)
}

// of are the kinds of the events about an image, without its progress.
func (h *histories) of(image string) (kinds []event.Kind) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.all {
		if e.Image == image && e.Progress == "" {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}
