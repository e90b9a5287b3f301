package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/podlike/podlike/internal/admission"
	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/identity"
	"github.com/podlike/podlike/internal/keyring"
	"github.com/podlike/podlike/internal/pairing"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/podcgroup"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
)

// envDockerHost is where the engine is, in the words of Docker's own client.
const envDockerHost = "DOCKER_HOST"

// envDockerConfig names the directory of Docker's config.json.
const envDockerConfig = "DOCKER_CONFIG"

// A runnable pod is one that can be run, with all that is needed for that.
type runnable struct {
	pod      pod.Pod
	owner    pod.Owner
	name     string // of the supervisor's container
	keys     keyring.Keyring
	oomScore int       // of its components
	image    engine.ID // of the supervisor
	called   []string  // what networks call the service
	// group is the pod's control group. Nil: it is only looked at, or is a pair's: that is opened, by
	// openGroup, when it is known who is in charge.
	group     *podcgroup.Keeper
	openGroup func() *podcgroup.Keeper
	// admit says what keeps the pod from being run, when more than its text is known.
	admit func(images map[string]engine.Image, lacking []string) error
}

// labelsOf is what the labels of our container describe.
func labelsOf(self engine.Seen) source.Source {
	return labels.Source{Labels: self.Labels, Own: machine(os.Stdin)}
}

// prepare makes the pod of a source ready to be run by our container, and tells what
// of it is ignored or lowered. Nothing is created, but for its control group where open opens one.
func prepare(ctx context.Context, e engine.Engine, o options, self engine.Seen, from source.Source, tell event.Sink, open opener) (runnable, error) {
	p, err := readPod(from, tell)
	keys, unread := keyring.Read(keyring.Files(os.Getenv(envDockerConfig))...)
	if err := errors.Join(err, unread); err != nil {
		return runnable{}, problemsIn(err)
	}
	own, err := ownOf(ctx, e, o, self)
	if err != nil {
		return runnable{}, err
	}
	owner, of, err := ownerFor(ctx, e, &o, self)
	if err != nil {
		return runnable{}, err
	}
	openGroup, err := groupOf(ctx, e, o, self, of, &owner, open)
	if err != nil {
		return runnable{}, err
	}
	var group *podcgroup.Keeper
	if openGroup != nil && !owner.Paired() {
		group = openGroup()
		owner.Cgroup = group.Parent()
	}
	own.Bound = owner.Cgroup != "" && !owner.Paired()
	admitted, lowered, err := admission.Admit(complete(p.Pod, o, self.Image), own, archive.LookAt)
	if err != nil {
		return runnable{}, err
	}
	doubts(tell, event.Lowered, p.Locate(lowered, true))
	p.Pod, p.StopGrace = admitted, self.StopTimeout
	doubts(tell, event.ConfigWarning, cutsIn(p, o))
	doubts(tell, event.ConfigWarning, p.Locate(admission.Overcommitted(admitted, of.Limits.Memory), true))
	if group != nil {
		group.Pod = admitted
	}
	return runnable{
		group: group, openGroup: openGroup,
		pod: admitted, owner: owner, name: self.Name, keys: keys, oomScore: admission.OOMScoreAdj(self.OOMScoreAdj), image: self.ImageID,
		called: calledAs(self.Labels),
		admit:  gate(p, tell),
	}, nil
}

// ownerFor is whose the pod is: a pause's that was started by hand, whose image will do for what holds
// its volumes, or else the supervisor's.
func ownerFor(ctx context.Context, e engine.Engine, o *options, self engine.Seen) (owner pod.Owner, of engine.Seen, err error) {
	pause, paired, err := pairing.Find(ctx, e, self, o.apply(pod.Pod{}))
	switch {
	case err != nil:
		return owner, of, err
	case paired:
		o.pauseImage = cmp.Or(o.pauseImage, pause.Image)
		return ownerOf(pause), pause, nil
	case o.onStop == onStopKeep:
		return owner, of, usage("-on-stop keep: only what belongs to a pause that was started by hand can outlive its supervisor; README says how to start one")
	}
	return ownerOf(self), self, nil
}

// gate is what the pod has to pass when more than its text is known. What is doubtful is told.
func gate(p source.Pod, tell event.Sink) func(map[string]engine.Image, []string) error {
	g := admission.Gate{Pod: p.Pod}
	return func(images map[string]engine.Image, lacking []string) error {
		problems, doubtful := g.Pass(images, lacking)
		doubts(tell, event.ConfigWarning, p.Locate(doubtful, true))
		_, err := source.Split(p.Locate(problems, false))
		return err
	}
}

// cutsIn are warnings of times to stop that something else cuts short.
func cutsIn(p source.Pod, o options) []source.Finding {
	short := plan.CutGraces(p.Pod)
	if p.StopGrace > 0 {
		if what := plan.CutBy(p.Pod, o.stopTold, p.StopGrace); what != "" {
			short = append(short, pod.Problemf(source.StopGracePlace, "%s", what))
		}
	}
	return p.Locate(short, true)
}

// readPod reads the one pod of a source, with copies that can be made, and tells what of it
// is ignored. Its error has all that is wrong.
func readPod(from source.Source, tell event.Sink) (source.Pod, error) {
	pods, findings := from.Read()
	for _, p := range pods {
		findings = append(findings, p.Locate(admission.Check(p.Pod, archive.LookAt), false)...)
	}
	doubts(tell, event.ConfigWarning, findings)
	switch _, err := source.Split(findings); {
	case err != nil:
		return source.Pod{}, err
	case len(pods) != 1:
		return source.Pod{}, fmt.Errorf("there are %d pods, and a supervisor runs one", len(pods))
	}
	return pods[0], nil
}

// doubts tells warnings among findings.
func doubts(tell event.Sink, kind event.Kind, findings []source.Finding) {
	warnings, _ := source.Split(findings)
	for _, w := range warnings {
		tell(event.Event{At: time.Now(), Kind: kind, Why: w.String()})
	}
}

// machine is what of the machine that this process is on a definition may refer to.
func machine(input io.Reader) compose.Own {
	return compose.Own{Lookup: os.LookupEnv, ReadFile: filesAnd(input)}
}

// ownOf is what the supervisor in a container has itself.
func ownOf(ctx context.Context, e engine.Engine, o options, self engine.Seen) (admission.Own, error) {
	own := admission.Own{Limits: pod.Limits(self.Limits)}
	for _, name := range self.Volumes() {
		v, err := e.Volume(ctx, name)
		if err != nil {
			return own, err
		}
		own.Volumes = append(own.Volumes, pod.OwnVolume{Name: v.Name, Labels: v.Labels})
	}
	if o.volumes {
		own.Shared, own.Sockets = admission.Shareable(self.Mounts), admission.Sockets(os.Getenv(envDockerHost))
	}
	return own, nil
}

// complete is a pod with what the command line says of it, and the pause image that
// belongs to a supervisor's.
func complete(p pod.Pod, o options, image string) pod.Pod {
	p = pod.Complete(o.apply(p))
	if p.PauseImage == "" {
		p.PauseImage = identity.PauseImage(image, version)
	}
	return p
}

// problemsIn gathers the problems of joined errors.
func problemsIn(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var all pod.Problems
	for _, one := range joined.Unwrap() {
		var some pod.Problems
		if !errors.As(one, &some) {
			return err
		}
		all = append(all, some...)
	}
	return all
}
