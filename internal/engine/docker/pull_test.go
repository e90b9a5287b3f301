package docker_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// ignore takes no interest in progress.
func ignore(engine.Progress) {}

// with is a registry's credential, with another password if told.
func with(r *dockertest.Registry, password string) engine.Credential {
	return engine.Credential{Server: r.Host, Username: r.User, Password: password}
}

func TestAPrivateRegistryGivesToThoseItKnows(t *testing.T) {
	t.Parallel()
	scope := dockertest.New(t)
	d, r := open(t), scope.Registry(t)
	ref := r.Push(t, "team/app:1")

	for _, c := range []struct {
		why, ref string
		with     engine.Credential
		want     error
	}{
		{"nobody", ref, engine.Credential{}, engine.ErrDenied},
		{"one with a wrong password", ref, with(r, "wrong-password"), engine.ErrDenied},
		{"nobody, of an image that is not there", r.Host + "/team/none:1", engine.Credential{}, engine.ErrDenied},
		{"one who may, of a tag that is not there", r.Host + "/team/app:2", with(r, r.Password), engine.ErrNotFound},
		{"one who may, of an image that is not there", r.Host + "/team/none:1", with(r, r.Password), engine.ErrNotFound},
		{"one who may", ref, with(r, r.Password), nil},
	} {
		err := d.Pull(t.Context(), c.ref, "", c.with, ignore)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.why, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "password") || strings.Contains(err.Error(), r.User)) {
			t.Errorf("%s: the error tells a secret: %v", c.why, err)
		}
		if _, err := d.Image(t.Context(), ref); (err == nil) != (c.want == nil) {
			t.Errorf("%s: the image: %v", c.why, err)
		}
	}
}

func TestARegistryThatIsAwayMayComeBack(t *testing.T) {
	t.Parallel()
	scope := dockertest.New(t)
	d, r := open(t), scope.Registry(t)
	ref := r.Push(t, "team/app:1")

	for why, status := range map[string]int{
		"it restarts": 503, "its proxy has lost it": 502, "it has a fault": 500, "it is slow": 504, "it is asked too often": 429,
	} {
		r.Fault(func(*http.Request) int { return status })
		if err := d.Pull(t.Context(), ref, "", with(r, r.Password), ignore); !errors.Is(err, engine.ErrUnavailable) {
			t.Errorf("%s: got %v", why, err)
		}
	}
	if err := d.Pull(t.Context(), "127.0.0.1:1/x:1", "", engine.Credential{}, ignore); !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("nobody listens: got %v", err)
	}
	r.Fault(nil)
	if err := d.Pull(t.Context(), ref, "", with(r, r.Password), ignore); err != nil {
		t.Errorf("it is back: %v", err)
	}
}
