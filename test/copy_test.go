package test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// A component may change the files in a volume that it shares with the supervisor, also
// those that are copied into it when it is started again. What it puts there leads it to
// nothing of the supervisor's that it was not given.
func TestAComponentGetsNoSecretByALinkInThePlaceOfItsCopy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ source, link, to string }{
		"File":     {"/data/dir/key", "/data/dir/key", "/run/secrets/key"},
		"Climbing": {"/data/dir/key", "/data/dir/key", "../../run/secrets/key"},
		"Way":      {"/data/dir/key", "/data/dir", "/run/secrets"},
		"Dir":      {"/data/dir/.", "/data/dir", "/run/secrets"},
		"Environ":  {"/data/dir/key", "/data/dir/key", "/proc/self/environ"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			word, secret, shared := rand.Text(), t.TempDir()+"/key", t.TempDir()
			if err := errors.Join(
				os.WriteFile(secret, []byte(word), 0o600), os.Mkdir(shared+"/dir", 0o755), os.WriteFile(shared+"/dir/key", []byte("own"), 0o644),
			); err != nil {
				t.Fatal(err)
			}
			spec := d.Supervisor(t, components{"web": kit("sleep", "restart: always", "volumes: ["+shared+":/data]"), "log": kit("sleep")}.labels())
			spec.Labels[pod.CopyPrefix+"web"] = test.source + ":/copied/"
			spec.Labels[pod.RestartBackoff] = "{initial: 100ms, cap: 1s}"
			spec.Binds = append(spec.Binds, secret+":/run/secrets/key:ro", shared+":/data")
			spec.Env = []string{"PASSWORD=" + word}
			s := run(t, d, spec)
			s.waitRunning(t)
			web := s.component(t, "web")
			if got, code := web.Exec(t, "/testkit", "cat", "/copied/key"); got != "own" || code != 0 {
				t.Fatalf("it was given %q, %d", got, code)
			}
			if out, code := web.Exec(t, "/testkit", "link", test.link, test.to); code != 0 {
				t.Fatal(out)
			}
			web.Kill(t, "KILL")
			s.waitFor(t, "component restarts", 1)
			const want = "a link leads out of what is mounted at /data, and is not followed"
			dockertest.Eventually(t, soon, func() (bool, string) {
				return strings.Contains(s.why(t, "web"), want), s.Container.Output(t)
			})
			dockertest.Eventually(t, soon, func() (bool, string) {
				has, err := s.copied(t, "web")
				if strings.Contains(has, word) {
					t.Fatal("it has the secret")
				}
				return err == nil, fmt.Sprint(err)
			})
		})
	}
}

// copied is the archive of what a component has at /copied, empty where there is nothing.
// It need not run. An error may be that the component is just being removed.
func (s supervisor) copied(t *testing.T, component string) (string, error) {
	t.Helper()
	c, there := s.d.Component(t, s.ID, component)
	if !there {
		return "", nil
	}
	archive, _, err := s.d.Client().CopyFromContainer(t.Context(), c.ID, "/copied")
	if cerrdefs.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer archive.Close()
	content, err := io.ReadAll(archive)
	return string(content), err
}
