package compose

import (
	"fmt"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
)

// A Group are the components that one service becomes: those of its pre_start, in the
// order in which they run, and last its own.
type Group []pod.Component

// Own is the service's own component.
func (g Group) Own() *pod.Component { return &g[len(g)-1] }

// beforeSuffix is how the names and places of components of pre_start end.
const beforeSuffix = ".pre-start-"

// group returns the component with those of the service's pre_start, which run one after
// the other when what the service depends on is as it asks, and before it.
func (r *reader) group(c pod.Component) Group {
	list := child(r.Node, "pre_start")
	if list == nil {
		return Group{c}
	}
	group, last := Group{}, c.DependsOn
	nodeReader{r.report}.items("pre_start", form("pre_start"), list, func(_ string, hook *yaml.Node) {
		b := r.before(len(group)+1, hook)
		b.DependsOn = last
		last = []pod.Dependency{{Name: b.Name, Condition: pod.Completed}}
		group = append(group, b)
	})
	if len(group) > 0 {
		first := &group[0]
		first.DependsOn = slices.Clone(first.DependsOn)
		for i := range first.DependsOn {
			first.DependsOn[i].Restart = false // it runs once
		}
		c.DependsOn = append(slices.Clone(c.DependsOn), last...)
	}
	return append(group, c)
}

// before reads one of the service's pre_start, which has what the service has unless it
// says otherwise (Compose: pre_start).
func (r *reader) before(number int, hook *yaml.Node) pod.Component {
	suffix := fmt.Sprint(beforeSuffix, number)
	b := newReader(Service{Name: r.Name + suffix, Place: r.Place + suffix}, r.own, r.lenient)
	if hook.Kind != yaml.MappingNode {
		b.mustBe("", form("pre_start.0"), decoded(hook))
		r.problems = append(r.problems, b.problems...)
		return pod.Component{Name: b.Name}
	}
	b.Node = b.inherit(r.Node, hook)
	c := b.read().Own()
	r.adopt(b.report)
	return *c
}

// inherit is the definition of one of a service's pre_start with what it inherits: all
// that says how a container is made.
func (r *reader) inherit(service, hook *yaml.Node) *yaml.Node {
	full := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for pair := range slices.Chunk(service.Content, 2) {
		if slices.Contains(types.ContainerSpecAttributes, pair[0].Value) && child(hook, pair[0].Value) == nil {
			full.Content = append(full.Content, pair...)
		}
	}
	for pair := range slices.Chunk(hook.Content, 2) {
		key, value := pair[0], pair[1]
		switch inherited := child(service, key.Value); {
		case key.Value == "per_replica", isExtension(key.Value) && key.Value != extensionKey: // a pod is one
		case !slices.Contains(types.ContainerSpecAttributes, key.Value):
			r.wrong(at(key.Line)+key.Value, "unknown key%s", didYouMean(key.Value, types.ContainerSpecAttributes, "; nothing in pre_start has it"))
		case inherited == nil:
			full.Content = append(full.Content, key, value)
		default:
			merged, err := mergeValues(key.Value, inherited, value)
			if err != nil {
				r.wrong(key.Value, "cannot be laid over what the service says; write both in the same form")
				continue
			}
			full.Content = append(full.Content, key, merged)
		}
	}
	return full
}
