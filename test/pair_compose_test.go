package test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/podlike/podlike/internal/dockertest"
)

// A composedPair is the pair's example as docker compose runs it.
type composedPair struct {
	d       *dockertest.Engine
	project string
}

// compose runs a command of docker compose's, whichever of the two programs there is.
func (c composedPair) compose(t testing.TB, env string, args ...string) {
	t.Helper()
	command := []string{"docker-compose"}
	if exec.CommandContext(t.Context(), "docker", "compose", "version").Run() == nil {
		command = []string{"docker", "compose"}
	}
	command = append(command, "-p", c.project, "-f", filepath.Join(root, "deploy", "examples", "pair", "compose.yml"))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, command[0], append(command[1:], args...)...)
	run.Env = append(os.Environ(), "PORT=0", env)
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// service is the container of one of the two.
func (c composedPair) service(t testing.TB, name string) *dockertest.Container {
	t.Helper()
	all, err := c.d.Client().ContainerList(t.Context(), container.ListOptions{Filters: filters.NewArgs(
		filters.Arg("label", "com.docker.compose.project="+c.project), filters.Arg("label", "com.docker.compose.service="+name))})
	if err != nil || len(all) != 1 {
		t.Fatalf("there are %d containers of %s: %v", len(all), name, err)
	}
	return c.d.Container(t, all[0].ID)
}

// serves waits until the shop's page is there, through the port that pause publishes.
func serves(t testing.TB, pause *dockertest.Container) {
	t.Helper()
	url := "http://" + pause.Port(t, "80/tcp")
	dockertest.Eventually(t, soon, func() (bool, string) {
		res, err := http.Get(url)
		if err != nil {
			return false, err.Error()
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK, res.Status
	})
}

// What README says of docker compose: a change replaces the supervisor, and of the components only
// the one that is another now; and nothing is left when it is taken down.
func TestComposeReplacesOnlyWhatHasChangedOfAPair(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	d.Need(t, dockertest.Pause, dockertest.Supervisor)
	c := composedPair{d, "podlike-test-" + strings.ToLower(t.Name()[:8]) + time.Now().Format("150405")}
	t.Cleanup(func() { c.compose(t, "GREETING=bye", "down") })
	c.compose(t, "GREETING=hello", "up", "-d")
	p := pair{d, c.service(t, "pause")}
	serves(t, p.pause)
	app, proxy, first := p.identity(t, "app"), p.identity(t, "proxy"), c.service(t, "supervisor").ID

	c.compose(t, "GREETING=servus", "up", "-d")
	s := supervisorIn(d, c.service(t, "supervisor"))
	s.becomes(t, "healthy")
	if s.ID == first {
		t.Error("the supervisor is what it was")
	}
	dockertest.Eventually(t, soon, func() (bool, string) { now := p.identity(t, "app"); return now != app, "app is " + now })
	if now := p.identity(t, "proxy"); now != proxy {
		t.Errorf("proxy was %s and is %s", proxy, now)
	}
	serves(t, p.pause)
	c.compose(t, "GREETING=servus", "down")
	d.Gone(t, p.pause.ID, soon)
}
