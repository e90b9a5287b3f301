// Package usage measures what the containers of a pod use, and the pod as a whole, and shows it: once, or
// again and again, so that there are rates. It changes nothing of what it measures, and remembers nothing.
package usage

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// MostTime is how long a sample may take, unless a Meter says otherwise.
const MostTime = 5 * time.Second

// The roles of what is no component.
const (
	RolePause      = pod.RolePause
	RoleDebug      = pod.RoleDebug
	RoleSupervisor = "supervisor" // it is not counted: it is beside the pod
)

// Engine is what is asked about containers.
type Engine interface {
	Inspect(ctx context.Context, ref string) (engine.Seen, error)
	List(ctx context.Context, labels map[string]string) ([]engine.Seen, error)
	Usage(ctx context.Context, id engine.ID) (engine.Usage, error)
}

// Whole is what knows the pod as a whole, such as its control group.
type Whole interface {
	// Measure reports what all containers of the pod use together. It returns when ctx is done.
	Measure(ctx context.Context) (Total, error)
}

// Total is of a pod as a whole.
type Total struct {
	Usage  engine.Usage
	Limits engine.Limits
	// Pressure is nil where the kernel does not tell it.
	Pressure *Pressure
}

// A Pod is what is to be measured. Its pause and who looks at it are found.
type Pod struct {
	// ID and Name are those of its owner: the supervisor's container or, in a pair, pause. Without an
	// ID there is no pod yet.
	ID   engine.ID
	Name string
	// Parts are shown in this order.
	Parts []Part
}

// A Part is a container of a pod's, or the supervisor's.
type Part struct {
	Name, Role string
	ID         engine.ID
}

// A Meter takes samples.
type Meter struct {
	Engine Engine
	// Whole is nil where nobody knows the pod as a whole. Then its row is the sum of its containers, and
	// its limits are those of its owner.
	Whole Whole
	// Within is how long a sample may take. Zero: MostTime.
	Within time.Duration
}

// Measure takes a sample, without rates. All containers are asked at the same time, and one that does not
// answer keeps none of the others from being shown.
func (m Meter) Measure(ctx context.Context, p Pod) Sample {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(m.Within, MostTime))
	defer cancel()
	s := Sample{At: time.Now().UTC()}
	parts := make([]Row, len(p.Parts))
	var owner, total Row
	var pause, found []Row
	var all sync.WaitGroup
	for i, part := range p.Parts {
		all.Go(func() { parts[i] = m.part(ctx, part) })
	}
	if p.ID != "" {
		all.Go(func() { owner, pause = m.owner(ctx, p) })
		all.Go(func() { found = m.find(ctx, p) })
	}
	all.Go(func() { total = m.total(ctx) })
	all.Wait()
	for _, more := range [][]Row{parts, pause, found} {
		s.Containers = append(s.Containers, more...)
	}
	s.Pod = whole(total, owner, s.Containers)
	s.Pod.Name, s.Pod.ID = p.Name, p.ID
	return s
}

// part measures one container. One that is gone, or does not run, uses nothing.
func (m Meter) part(ctx context.Context, p Part) Row {
	r := Row{Name: p.Name, Role: p.Role, ID: p.ID}
	var used engine.Usage
	var seen engine.Seen
	var unmeasured, unseen error
	var both sync.WaitGroup
	both.Go(func() {
		used, unmeasured = m.Engine.Usage(ctx, p.ID)
		r.at = time.Now()
	})
	both.Go(func() { seen, unseen = m.Engine.Inspect(ctx, string(p.ID)) })
	both.Wait()
	r.Limits = limits(seen.Limits)
	switch {
	case errors.Is(unmeasured, engine.ErrNotFound):
	case unmeasured != nil:
		r.Error = unmeasured.Error()
	case used != engine.Usage{}:
		r.Usage = amounts(used)
	}
	if unseen != nil && r.Usage != nil {
		r.Error = unseen.Error()
	}
	return r
}

// owner is the row of the pod as far as its owner is known, and the pause that this is in a pair.
func (m Meter) owner(ctx context.Context, p Pod) (owner Row, pause []Row) {
	seen, err := m.Engine.Inspect(ctx, string(p.ID))
	if err != nil {
		return Row{Error: err.Error()}, nil
	}
	if seen.Labels[pod.LabelRole] == pod.RolePause {
		pause = append(pause, m.part(ctx, Part{RolePause, RolePause, p.ID}))
	}
	return Row{Limits: limits(seen.Limits)}, pause
}

// find measures what runs of a pod and is no component: pause, and who looks at it.
func (m Meter) find(ctx context.Context, p Pod) (rows []Row) {
	all, err := m.Engine.List(ctx, map[string]string{pod.LabelOwner: string(p.ID)})
	if err != nil {
		return []Row{{Name: RolePause, Role: RolePause, Error: err.Error()}}
	}
	var parts []Part
	for _, c := range all {
		role := c.Labels[pod.LabelRole]
		switch {
		case !c.Running || !pod.IsOurs(c.Name, c.Labels):
		case role == RolePause:
			parts = append(parts, Part{RolePause, role, c.ID})
		case role == RoleDebug:
			name := strings.TrimPrefix(c.Name, pod.Owner{Name: p.Name}.ContainerName(""))
			parts = append(parts, Part{name, role, c.ID})
		}
	}
	rows = make([]Row, len(parts))
	var measuring sync.WaitGroup
	for i, part := range parts {
		measuring.Go(func() { rows[i] = m.part(ctx, part) })
	}
	measuring.Wait()
	return rows
}

// total measures the pod as a whole. Without a usage in it nobody can.
func (m Meter) total(ctx context.Context) Row {
	if m.Whole == nil {
		return Row{}
	}
	t, err := m.Whole.Measure(ctx)
	if err != nil {
		return Row{Error: err.Error() + "; this is the sum of its containers"}
	}
	return Row{Usage: amounts(t.Usage), Limits: limits(t.Limits), Pressure: t.Pressure, at: time.Now(), whole: true}
}

// whole is the pod's row: what was measured of it as a whole, or else the sum of its containers, with the
// limits of its owner. A sum that lacks some of them says so.
func whole(total, owner Row, containers []Row) Row {
	if total.whole {
		return total
	}
	sum := Row{Limits: owner.Limits, Error: joined(total.Error, owner.Error)}
	var missing []string
	for _, r := range containers {
		switch {
		case r.Role == RoleSupervisor:
		case r.Usage != nil:
			sum.Usage = sum.Usage.plus(*r.Usage)
		case r.Error != "":
			missing = append(missing, r.Name)
		}
	}
	if len(missing) > 0 {
		sum.Error = joined(sum.Error, "not counted: "+strings.Join(missing, ", "))
	}
	return sum
}

// joined are texts, those that there are.
func joined(texts ...string) string {
	var all []string
	for _, t := range texts {
		if t != "" {
			all = append(all, t)
		}
	}
	return strings.Join(all, "; ")
}
