package test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
)

func TestComponentsHaveTheSupervisorsVolumesButNotItsSocket(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	shared, own, hidden := d.Volume(t, nil), d.Volume(t, nil), d.Volume(t, nil)
	spec := d.Supervisor(t, components{
		"all":  kit("sleep"),
		"some": kit("sleep", "volumes: ["+own+":/data]", "tmpfs: /tmp/cache"),
	}.labels(), "-volumes")
	spec.Binds = append(spec.Binds, shared+":/data:ro", hidden+":/tmp/cache", "/etc:/host/etc:ro", "/var/run:/host/run:ro")
	s := run(t, d, spec)
	s.waitRunning(t)
	for component, want := range map[string][]string{
		"all":  {shared + " /data false", " /host/etc false", hidden + " /tmp/cache true"},
		"some": {own + " /data true", " /host/etc false"},
	} {
		var got []string
		for _, m := range s.component(t, component).Inspect(t).Mounts {
			got = append(got, fmt.Sprintf("%s %s %t", m.Name, m.Destination, m.RW))
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", component, diff)
		}
	}
	s.terminated(t)
}
