package admission

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// A Gate is what a pod has to pass when more is known of it than its text: which images it
// runs, and what the engine lacks. It is told that bit by bit, by several at once.
type Gate struct {
	// Pod is as it is to be run.
	Pod pod.Pod

	mu     sync.Mutex
	images map[string]engine.Image
	told   pod.Problems
}

// Pass returns what is wrong with the pod, by these images and all those before, and what is
// doubtful and was not returned before. Lacking are external volumes that are not there.
func (g *Gate) Pass(images map[string]engine.Image, lacking []string) (problems, doubts pod.Problems) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.images == nil {
		g.images = map[string]engine.Image{}
	}
	maps.Copy(g.images, images)
	for _, p := range collisions(g.Pod, g.images) {
		if !slices.Contains(g.told, p) {
			doubts = append(doubts, p)
		}
	}
	g.told = append(g.told, doubts...)
	return slices.Concat(missing(g.Pod, lacking), unnameable(g.Pod), unchecked(g.Pod, g.images)), doubts
}

// How many bytes the name of a volume may have that the engine's own driver makes: one that is a
// single letter is more often a drive of Windows, and one that is longer is no name of a directory.
const shortestVolume, longestVolume = 2, 255

// unnameable are volumes that the engine cannot make, by their names: all that are the
// supervisor's own, or have to be there, have theirs.
func unnameable(p pod.Pod) (problems pod.Problems) {
	const what = "the volume %s cannot be made: the engine takes names of %d to %d characters; give it such a one"
	for _, c := range p.All() {
		for _, v := range c.Volumes {
			made := v.Kind == pod.Named && !v.External && (v.Driver == "" || v.Driver == "local")
			if n := len(v.Source); made && (n < shortestVolume || n > longestVolume) {
				problems = append(problems, pod.Problemf(pod.ComponentPrefix+c.Name+": volumes", what, v.Source, shortestVolume, longestVolume))
			}
		}
	}
	return problems
}

// missing are external volumes that are not there, each once, where it is mounted first.
func missing(p pod.Pod, lacking []string) (problems pod.Problems) {
	for _, name := range lacking {
		var users []string
		for _, c := range p.All() {
			if slices.ContainsFunc(c.Volumes, func(v pod.Volume) bool { return v.External && v.Source == name }) {
				users = append(users, c.Name)
			}
		}
		also := ""
		if len(users) > 1 {
			also = ", which " + strings.Join(users[1:], " and ") + " need as well"
			if len(users) == 2 {
				also = ", which " + users[1] + " needs as well"
			}
		}
		const what = "the volume %q is external and not there%s; make it on this node with docker volume create %s, or correct its name"
		problems = append(problems, pod.Problemf(pod.ComponentPrefix+users[0]+": volumes", what, name, also, name))
	}
	return problems
}

// unchecked are dependencies on the health of what has no check, by those images that are
// known. An optional one is gone on without.
func unchecked(p pod.Pod, images map[string]engine.Image) (problems pod.Problems) {
	const what = "will never be healthy, for neither it nor its image %s has a health check; give %s a healthcheck or a readinessProbe, or use %s"
	for _, c := range p.All() {
		for _, on := range c.DependsOn {
			other, _ := p.Component(on.Name)
			image, known := images[other.Image]
			probed := other.Probes.Startup != nil || other.Probes.Readiness != nil
			if on.Condition == pod.Healthy && !on.Optional && known && !probed && !plan.Checked(other, image) {
				problems = append(problems, pod.Problemf(pod.ComponentPrefix+c.Name+": depends_on."+on.Name, what, other.Image, other.Name, pod.Started))
			}
		}
	}
	return problems
}

// collisions are those that show by the images that are known.
func collisions(p pod.Pod, images map[string]engine.Image) pod.Problems {
	exposed := map[string][]string{}
	for _, c := range p.All() {
		if image, known := images[c.Image]; known {
			exposed[c.Name] = image.Ports
		}
	}
	if len(exposed) == 0 { // which would be all that the text says
		return nil
	}
	return pod.Collisions(p, exposed)
}
