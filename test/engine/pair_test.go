package engine

import (
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// A pair is there again after a restart of its engine, however that has ended, when both of its
// containers run. Starting them is not left to the engine: one that starts tries each once and in no
// order, and so may find that the container does not run yet whose network another has joined.
func TestAPairIsThereAgainWhenItsEngineIs(t *testing.T) {
	for name, signal := range signals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := dockertest.New(t).Nested(t, dockertest.Engine20)
			n.Need(t, dockertest.Pause, dockertest.Testkit)
			pause := n.Run(t, dockertest.Spec{Image: dockertest.Pause, IPC: "shareable"})
			spec := n.Supervisor(t, map[string]string{pod.ComponentPrefix + "app": kit("sleep", "restart: always")})
			spec.Network, spec.Health = dockertest.Join(pause), &container.HealthConfig{Test: []string{"NONE"}}
			s := supervisor{Container: n.Run(t, spec), n: n}
			runs := func() string {
				app, there := n.Component(t, pause.ID, "app")
				if !there || !app.Running(t) {
					return ""
				}
				return app.ID
			}
			dockertest.Eventually(t, soon, func() (bool, string) { return runs() != "", s.log(t) })
			first := runs()
			n.RestartEngine(t, signal)
			for _, c := range []*dockertest.Container{pause, s.Container} {
				dockertest.Eventually(t, soon, func() (bool, string) { return !c.Running(t), c.Name + " runs" })
				c.Start(t)
			}
			dockertest.Eventually(t, soon, func() (bool, string) {
				now := runs()
				return now != "" && now != first, s.log(t)
			})
		})
	}
}
