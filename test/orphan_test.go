package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
)

// Orphans go to PID 1 of the namespace that all components share, and that is pause.
func TestTenThousandOrphansLeaveNoTrace(t *testing.T) {
	t.Parallel()
	const few, flat = 500, 256 << 10
	s := podOf(t, dockertest.New(t), components{
		"first": kit(fmt.Sprint("orphans ", few)),
		"more":  kit("orphans 10000 burst 1000", "depends_on: [first, look]"),
		"look":  kit("sleep"),
	}, "-logs")
	look := func() *dockertest.Container { return s.component(t, "look") }
	s.waitRunning(t)
	s.prints(t, fmt.Sprint("[out] first: left ", few))
	before := resident(t, look())
	s.prints(t, "[out] more: left 10000")
	dockertest.Eventually(t, soon, func() (bool, string) {
		ps, _ := look().Exec(t, "/testkit", "ps")
		return !strings.Contains(ps, " Z ") && strings.Count(ps, "\n") < 10, ps
	})
	if after := resident(t, look()); after > before+flat {
		t.Errorf("pause has grown from %d to %d bytes", before, after)
	} else {
		t.Logf("pause uses %d bytes, and %d before most of the orphans", after, before)
	}
	s.terminated(t)
}

// prints waits until the supervisor has printed a line on stdout.
func (s supervisor) prints(t *testing.T, line string) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		stdout, _ := s.Logs(t)
		return strings.Contains(stdout, line+"\n"), stdout
	})
}

// resident is how many bytes of memory PID 1 of a component's namespace uses.
func resident(t *testing.T, c *dockertest.Container) (bytes int) {
	t.Helper()
	status, _ := c.Exec(t, "/testkit", "cat", "/proc/1/status")
	_, after, _ := strings.Cut(status, "VmRSS:")
	if _, err := fmt.Sscanf(after, "%d kB", &bytes); err != nil {
		t.Fatalf("no memory in %q", status)
	}
	return bytes << 10
}
