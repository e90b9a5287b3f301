package dockertest_test

import (
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// A scope that ends takes with it what it made and what its containers own, and
// leaves what another scope made.
func TestAScopeRemovesItsOwnAndNothingElse(t *testing.T) {
	other := dockertest.New(t)
	kept := other.Run(t, sleeping)
	data := other.Volume(t, nil)

	var gone marks
	t.Run("Scope", func(t *testing.T) { gone = makeOneOfEach(t) })

	if left := gone.left(t, other); len(left) > 0 {
		t.Errorf("left behind: %s", strings.Join(left, ", "))
	}
	if !kept.Running(t) {
		t.Error("a container of another scope is gone")
	}
	if _, err := other.Client().VolumeInspect(t.Context(), data); err != nil {
		t.Errorf("a volume of another scope is gone: %v", err)
	}
}

// A failed test tells what its containers printed; a passed one is silent.
func TestAFailedTestTellsWhatItsContainersPrinted(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		fail bool
	}{
		"Failed": {"one who reads a failure needs the logs, and they are gone with the container", true},
		"Passed": {"what went well needs no words", false},
	} {
		t.Run(name, func(t *testing.T) {
			told := record(t, func(r *recorder) {
				d := dockertest.New(r)
				d.Run(r, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"flash", "last words"}}).Wait(r)
				if test.fail {
					r.Errorf("something else is wrong")
				}
			})
			if got := strings.Contains(told.text(), "last words"); got != test.fail {
				t.Errorf("told the container's output: %v; %s. Told:\n%s", got, test.why, told.text())
			}
		})
	}
}

// A missing engine is one clear line and a failure, never a skip.
func TestNoEngineFailsTheTest(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+t.TempDir()+"/none.sock")
	told := record(t, func(r *recorder) { dockertest.New(r) })
	if !told.Failed() || !strings.Contains(told.text(), "no Docker engine answers at unix://") {
		t.Errorf("failed: %v, told %q", told.Failed(), told.text())
	}
}

func TestAMissingImageSaysHowToBuildIt(t *testing.T) {
	told := record(t, func(r *recorder) { dockertest.New(r).Need(r, "podlike/none:none") })
	if want := "image podlike/none:none is not there; run `make images testkit`"; told.text() != want {
		t.Errorf("told %q, want %q", told.text(), want)
	}
}

// sleeping is a container that lives until it is told to end.
var sleeping = dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}}

// marks find again what a scope made: a label and a pod's owner.
type marks struct{ label, owner string }

// makeOneOfEach makes one of everything in a scope that ends with t. A container and
// a volume do not carry its label: they belong to a supervisor of the scope, which
// is gone itself by the end.
func makeOneOfEach(t *testing.T) marks {
	d := dockertest.New(t)
	supervisor := d.Run(t, sleeping)
	d.Volume(t, nil)
	d.Network(t)
	d.ScratchImage(t, "./test/testkit")
	owned := map[string]string{pod.LabelOwner: supervisor.ID}
	component := &container.Config{Image: dockertest.Testkit, Cmd: sleeping.Cmd, Labels: owned}
	if _, err := d.Client().ContainerCreate(t.Context(), component, nil, nil, nil, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Client().VolumeCreate(t.Context(), volume.CreateOptions{Labels: owned}); err != nil {
		t.Fatal(err)
	}
	supervisor.Remove(t) // its ID is remembered
	d.Run(t, sleeping)
	return marks{dockertest.Label + "=" + d.Labels(nil)[dockertest.Label], pod.LabelOwner + "=" + supervisor.ID}
}

// left names what the engine still has with one of the marks.
func (m marks) left(t *testing.T, d *dockertest.Engine) (all []string) {
	t.Helper()
	for _, label := range []string{m.label, m.owner} {
		all = append(all, labelled(t, d, filters.NewArgs(filters.Arg("label", label)))...)
	}
	return all
}

// labelled names everything that f selects.
func labelled(t *testing.T, d *dockertest.Engine, f filters.Args) (all []string) {
	t.Helper()
	cli, ctx := d.Client(), t.Context()
	containers, err := cli.ContainerList(ctx, container.ListOptions{All: true, Filters: f})
	for _, c := range containers {
		all = append(all, "container "+c.Names[0])
	}
	volumes, err2 := cli.VolumeList(ctx, volume.ListOptions{Filters: f})
	for _, v := range volumes.Volumes {
		all = append(all, "volume "+v.Name)
	}
	networks, err3 := cli.NetworkList(ctx, network.ListOptions{Filters: f})
	for _, n := range networks {
		all = append(all, "network "+n.Name)
	}
	images, err4 := cli.ImageList(ctx, image.ListOptions{Filters: f})
	for _, i := range images {
		all = append(all, "image "+i.ID)
	}
	for _, err := range []error{err, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
