package dockertest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

func TestGoneNamesWhatIsLeft(t *testing.T) {
	d := dockertest.New(t)
	owner := d.Run(t, sleeping)
	labels := map[string]string{pod.LabelOwner: owner.ID, pod.LabelComponent: "web"}
	volume := d.Volume(t, labels)
	spec := sleeping
	spec.Labels = labels
	component := d.Run(t, spec)

	told := record(t, func(r *recorder) { d.Gone(r, owner.ID, 0) })
	for _, want := range []string{"container " + component.Name, "volume " + volume} {
		if !strings.Contains(told.text(), want) {
			t.Errorf("%q does not name %s", told.text(), want)
		}
	}
	if c, there := d.Component(t, owner.ID, "web"); !there || c.ID != component.ID {
		t.Errorf("the component is there: %v, as %v", there, c)
	}
	component.Remove(t)
	d.RemoveVolume(t, volume)
	d.Gone(t, owner.ID, 5*time.Second)
}
