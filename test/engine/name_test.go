package engine

import (
	"fmt"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// Newer engines write the hosts file anew when a container joins a network or leaves one, and
// know nothing of names that somebody else has put there. Whether the supervisor may write to
// the file itself makes no difference.
func TestNamesAreKeptWhateverTheEngineDoesToTheHostsFile(t *testing.T) {
	for _, version := range []string{dockertest.Engine20, dockertest.Engine26} {
		t.Run(version, func(t *testing.T) {
			n := dockertest.New(t).Nested(t, version)
			for _, readOnly := range []bool{false, true} {
				spec := n.Supervisor(t, map[string]string{
					pod.ComponentPrefix + "app": kit("sleep"), pod.ComponentPrefix + "db": kit("serve 127.0.0.1:3000"), pod.MakeKnown: "true",
				})
				spec.ReadOnly = readOnly
				s := supervisor{Container: n.Run(t, spec), n: n}
				s.reaches(t, "at first")
				for range restarts {
					network := n.Network(t)
					if err := n.Client().NetworkConnect(t.Context(), network, s.ID, nil); err != nil {
						t.Fatal(err)
					}
					s.reaches(t, "in another network")
					if err := n.Client().NetworkDisconnect(t.Context(), network, s.ID, false); err != nil {
						t.Fatal(err)
					}
					s.reaches(t, "out of it again")
				}
				s.Stop(t, budget)
				s.ended(t)
			}
		})
	}
}

// reaches asserts that app reaches db by its name.
func (s supervisor) reaches(t *testing.T, when string) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		app, there := s.n.Component(t, s.ID, "app")
		if !there || !app.Running(t) {
			return false, s.log(t)
		}
		out, code := app.Exec(t, "/testkit", "get", "http://db:3000/")
		hosts, _ := app.Exec(t, "/testkit", "cat", "/etc/hosts")
		return code == 0, fmt.Sprintf("%s: %s\n%s\n%s", when, out, hosts, s.log(t))
	})
}
