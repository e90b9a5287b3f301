package docker_test

import (
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/engine/enginetest"
)

func TestDockerKeepsTheContract(t *testing.T) {
	supervisor := dockertest.New(t).ScratchImage(t, "./cmd/supervisor")
	enginetest.Run(t, func(t *testing.T) enginetest.Subject {
		d := dockertest.New(t)
		d.Need(t, dockertest.Testkit)
		e := open(t)
		e.UseHelper(engine.Container{Image: supervisor, Labels: d.Labels(nil)})
		return enginetest.Subject{Engine: e, Labels: d.Labels(nil)}
	})
}

// open reaches the engine that the environment names, for as long as the test runs.
func open(t *testing.T) *docker.Engine {
	t.Helper()
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}
