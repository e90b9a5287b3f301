package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/pod"
)

// pullSteps are the images to pull, each once, in the order of first use. Where
// users of one image disagree, one that asks for a pull is enough.
func pullSteps(p pod.Pod, w World) Plan {
	var steps Plan
	add := func(step Step, policy pod.Pull) {
		step.Why = w.lacks(step.Name, step.Platform, policy)
		if step.Why != "" && !slices.Contains(steps.keys(), step.Key()) {
			steps = append(steps, step)
		}
	}
	add(pull(p.PauseImage, ""), pod.Missing)
	for _, c := range p.All() {
		add(pull(c.Image, c.Platform), cmp.Or(c.Pull, p.Pull))
	}
	return steps
}

func pull(image, platform string) Step {
	return Step{Op: Pull, Name: image, Platform: platform}
}

// lacks says why an image has to be pulled, nothing if it has not.
func (w World) lacks(image, platform string, policy pod.Pull) string {
	there, known := w.Images[image]
	switch {
	case policy == pod.Never:
		return ""
	case policy == pod.Always:
		return "always"
	case !known:
		return "not there"
	case !fits(there.Platform, platform):
		return "that there is for " + there.Platform
	}
	return ""
}

// fits tells whether an image for one platform is what was asked for: the same, as
// far as both say.
func fits(there, asked string) bool {
	return there == "" || asked == "" || strings.HasPrefix(there+"/", asked+"/") || strings.HasPrefix(asked+"/", there+"/")
}
