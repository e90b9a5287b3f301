package dockertest

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/image"
	apiregistry "github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/registry"
)

// A Registry is a private one of a test's own, over TLS, on loopback, where the
// engine trusts any certificate. It gives nothing without the credentials.
type Registry struct {
	// Host is what its images' names begin with.
	Host           string
	User, Password string

	engine *Engine
	mu     sync.Mutex
	fault  func(*http.Request) int
}

// Registry opens a registry, which is there until the test is over.
func (e *Engine) Registry(t testing.TB) *Registry {
	t.Helper()
	silent := log.New(io.Discard, "", 0)
	r := &Registry{User: "user-" + random(), Password: "password-" + random(), engine: e}
	server := httptest.NewUnstartedServer(r.guard(registry.New(registry.Logger(silent))))
	server.Config.ErrorLog = silent // the engine hangs up on certificates before it takes them
	server.StartTLS()
	t.Cleanup(server.Close)
	r.Host = strings.TrimPrefix(server.URL, "https://")
	return r
}

// guard lets nobody in without the credentials.
func (r *Registry) guard(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		user, password, _ := req.BasicAuth()
		switch status := r.faulty(req); {
		case status != 0:
			w.WriteHeader(status)
		case user != r.User || password != r.Password:
			w.Header().Set("WWW-Authenticate", `Basic realm="a test"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.Header().Set("Content-Type", "application/json") // of errors: newer engines look at it
			inner.ServeHTTP(w, req)
		}
	})
}

func (r *Registry) faulty(req *http.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault == nil {
		return 0
	}
	return r.fault(req)
}

// Fault lets the registry answer a request with a status other than 0, in place of
// what it would have answered. Nil: it has no faults any more.
func (r *Registry) Fault(status func(*http.Request) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = status
}

// Push puts an image of testkit's into the registry and returns its name. The engine
// does not have it then, and what it pulls of it goes with the scope.
func (r *Registry) Push(t testing.TB, name string) string {
	t.Helper()
	made, ref := r.engine.ScratchImage(t, "./test/testkit"), r.Host+"/"+name
	auth, err := apiregistry.EncodeAuthConfig(apiregistry.AuthConfig{Username: r.User, Password: r.Password})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := bounded()
	defer cancel()
	if err := r.engine.cli.ImageTag(ctx, made, ref); err != nil {
		t.Fatalf("cannot tag %s: %v", made, err)
	}
	progress, err := r.engine.cli.ImagePush(ctx, ref, image.PushOptions{RegistryAuth: auth})
	if err != nil {
		t.Fatalf("cannot push %s: %v", ref, err)
	}
	defer progress.Close()
	if said, err := io.ReadAll(progress); err != nil || strings.Contains(string(said), `"error"`) {
		t.Fatalf("cannot push %s: %v\n%s", ref, err, said)
	}
	r.engine.Forget(t, made)
	r.engine.Forget(t, ref)
	return ref
}
