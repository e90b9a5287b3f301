package template

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
	"github.com/podlike/podlike/internal/source/tree"
	"github.com/podlike/podlike/internal/template/input"
	"github.com/podlike/podlike/internal/template/merge"
)

// divide says what of the service is the task's, and what the main component's.
func (p *podOf) divide() (task, main *tree.Value) {
	d := divider{p, tree.NewMapping(p.service.At), tree.NewMapping(p.service.At)}
	for _, e := range p.service.Entries {
		place := join(p.place(), e.Key)
		switch row := rowOf(e.Key); row.Goes {
		case ToTask:
			d.toTask(e)
		case ToMain:
			d.toMain(e)
		case ToBoth:
			d.toTask(e)
			d.toMain(e)
		case Divided:
			d.part(e)
		case Idle:
			p.warn(e.At.Position, place, "does nothing on Swarm and is left out; %s", row.Note)
		case Refused:
			p.wrong(e.At.Position, place, "fits nowhere in a pod; %s", row.Note)
		default:
			if strings.HasPrefix(e.Key, "x-") {
				d.toTask(e)
				continue
			}
			what := "unknown key"
			if nearest := nearestKey(e.Key); nearest != "" {
				what += "; did you mean " + nearest + "?"
			}
			p.wrong(e.At.Position, place, "%s", what)
		}
	}
	return d.task, d.main
}

// A divider divides one service.
type divider struct {
	*podOf
	task, main *tree.Value
}

func (d divider) toTask(e tree.Entry) { d.task.Entries = append(d.task.Entries, clone(e)) }
func (d divider) toMain(e tree.Entry) { d.main.Set(e.Key, e.At, e.Value.Clone()) }

func clone(e tree.Entry) tree.Entry {
	e.Value = e.Value.Clone()
	return e
}

// part gives the parts of a key to whom they belong.
func (d divider) part(e tree.Entry) {
	switch e.Key {
	case "labels":
		d.labels(e)
	case "environment":
		d.environment(e)
	case "env_file":
		d.envFiles(e)
	case "configs", "secrets":
		d.files(e)
	case "volumes":
		d.volumes(e)
	case "depends_on":
		d.dependsOn(e)
	case "stop_grace_period":
		d.toTask(e)
	case "deploy":
		d.toTask(e)
		if limits := e.Value.Get("resources", "limits"); !limits.IsNull() {
			resources, deploy := tree.NewMapping(limits.At), tree.NewMapping(e.Value.At)
			resources.Set("limits", e.Value.Get("resources").Entry("limits").At, limits.Clone())
			deploy.Set("resources", e.Value.Entry("resources").At, resources)
			d.main.Set("deploy", e.At, deploy)
		}
	}
}

// labels are for both, but for those of ours.
func (d divider) labels(e tree.Entry) {
	d.toTask(e)
	all := merge.Named("labels", e.Value.Clone())
	all.Entries = slices.DeleteFunc(all.Entries, func(l tree.Entry) bool { return labels.IsOurs(l.Key) })
	if len(all.Entries) > 0 || all.Mark != "" {
		d.main.Set("labels", e.At, all)
	}
}

// environment is the main component's. A name without a value has the deployer's, which only the
// task can have.
func (d divider) environment(e tree.Entry) {
	all := merge.Named("environment", e.Value.Clone())
	files := d.main.Get("environment") // of env_file, over which this is laid
	d.main.Set("environment", e.At, merge.Services(wrapped("environment", all), wrapped("environment", files), false).Get("environment"))
	d.fromDeployer(all)
}

// wrapped is a service that says one thing, nil if it says nothing.
func wrapped(key string, v *tree.Value) *tree.Value {
	if v == nil {
		return nil
	}
	m := tree.NewMapping(v.At)
	m.Set(key, v.At, v)
	return m
}

// fromDeployer gives the task the names of an environment that have no value.
func (d divider) fromDeployer(all *tree.Value) {
	for _, one := range all.Entries {
		if !one.Value.IsNull() || one.Value.Mark != "" {
			continue
		}
		env := d.task.Get("environment")
		if env == nil {
			env = tree.NewMapping(all.At)
			d.task.Set("environment", all.At, env)
		}
		env.Set(one.Key, one.At, one.Value.Clone())
	}
}

// envFiles reads the variables of files, of which later ones are stronger.
func (d divider) envFiles(e tree.Entry) {
	files := []*tree.Value{e.Value}
	if e.Value.Kind == tree.List {
		files = e.Value.Items
	}
	all := tree.NewMapping(e.Value.At)
	for _, one := range files {
		file, required := one, true
		if one.Kind == tree.Mapping {
			file = one.Get("path")
			required = one.Get("required") == nil || one.Get("required").Text != "false"
		}
		if !file.IsText() {
			d.wrong(one.At.Position, join(d.place(), "env_file"), "must be a path, or a list of paths")
			continue
		}
		d.envFile(file, required, all)
	}
	over := d.main.Get("environment")
	d.main.Set("environment", e.At, merge.Services(wrapped("environment", over), wrapped("environment", all), false).Get("environment"))
	d.fromDeployer(all)
}

// envFile reads one, line by line as docker stack deploy does: what follows = is the value, as it is.
func (d divider) envFile(file *tree.Value, required bool, to *tree.Value) {
	name := file.Text
	if !path.IsAbs(name) {
		name = path.Join(d.home(), name)
	}
	text, err := d.read(name)
	if errors.Is(err, fs.ErrNotExist) && !required {
		return
	}
	if err != nil {
		d.wrong(file.At.Position, join(d.place(), "env_file"), "cannot read %s: %v", name, reason(err))
		return
	}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\uFEFF")) {
		number++
		at := tree.Origin{Position: file.At.Position}
		at.File, at.Line, at.Column = name, number, 1
		line = strings.TrimLeft(strings.TrimRight(line, "\r\n"), " \t")
		variable, value, assigned := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case variable == "" || strings.ContainsAny(variable, " \t"):
			d.wrong(at.Position, join(d.place(), "env_file"), "the line has no name, or one with a space")
		case assigned:
			to.Set(variable, at, tree.NewText(strings.ReplaceAll(value, "$", "$$"), at))
		default:
			to.Set(variable, at, &tree.Value{Tag: "!!null", At: at})
		}
	}
}

// files are the service's configs, or its secrets: the task has them, and the main component by
// their names, with the targets that they have.
func (d divider) files(e tree.Entry) {
	if e.Value.Kind != tree.List {
		d.toTask(e)
		return
	}
	task := &tree.Value{Kind: tree.List, At: e.Value.At, Mark: e.Value.Mark}
	main := &tree.Value{Kind: tree.List, At: e.Value.At}
	taken := map[string]bool{}
	for _, item := range e.Value.Items {
		item = item.Clone()
		source, target := item, item.Get("target")
		if item.Kind == tree.Mapping {
			source = item.Get("source")
		}
		if !source.IsText() {
			task.Items = append(task.Items, item)
			continue
		}
		name := source.Text
		if target.IsText() && !strings.Contains(target.Text, "/") {
			name = target.Text
		}
		for taken[name] {
			name += ".2"
		}
		taken[name] = true
		own := tree.NewText(name, source.At)
		if target.IsText() && target.Text != name { // a path, which is where the component has it
			own = tree.NewMapping(item.At)
			own.Set("source", source.At, tree.NewText(name, source.At))
			own.Set("target", target.At, target.Clone())
			item.Delete("target")
			if name != source.Text {
				item.Set("target", target.At, tree.NewText(name, target.At))
			}
		}
		task.Items, main.Items = append(task.Items, item), append(main.Items, own)
	}
	d.task.Set(e.Key, e.At, task)
	d.main.Set(e.Key, e.At, main)
}

// volumes are the main component's. Those with a name are the task's as well, and the directories
// of this machine are told by their whole paths.
func (d divider) volumes(e tree.Entry) {
	all := e.Value.Clone()
	task := &tree.Value{Kind: tree.List, At: e.Value.At, Mark: e.Value.Mark}
	for _, item := range all.Items {
		if input.IsRelativeBind(item) {
			d.absolute(item)
		}
		if volumeName(item) != "" {
			task.Items = append(task.Items, item.Clone())
		}
	}
	if len(task.Items) > 0 || task.Mark != "" {
		d.task.Set(e.Key, e.At, task)
	}
	d.main.Set(e.Key, e.At, all)
}

// absolute makes the path of a directory of this machine whole.
func (d divider) absolute(item *tree.Value) {
	whole := func(dir string) string {
		dir = path.Join(d.home(), dir)
		if d.Abs != nil {
			dir = d.Abs(dir)
		}
		return dir
	}
	if item.Kind == tree.Mapping {
		source := item.Get("source")
		source.Text = whole(source.Text)
		return
	}
	host, rest, _ := strings.Cut(item.Text, ":")
	item.Text = whole(host) + ":" + rest
}

// volumeName is the name of the volume that an item mounts, nothing if it is none.
func volumeName(item *tree.Value) string {
	name := ""
	if item.Kind == tree.Mapping {
		kind := item.Get("type")
		if source := item.Get("source"); source.IsText() && (kind == nil || kind.Text == "volume" || kind.Text == "cluster") {
			name = source.Text
		}
	} else if parts := merge.Split(item.Text); len(parts) > 1 {
		name = parts[0]
	}
	if strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") || strings.HasPrefix(name, "$") {
		return ""
	}
	return name
}

// dependsOn are names of components, which the main component waits for, and of services, which
// Swarm does not.
func (d divider) dependsOn(e tree.Entry) {
	all := merge.Named("depends_on", e.Value.Clone())
	components := d.names()
	services := d.original.Get("services").Keys()
	all.Entries = slices.DeleteFunc(all.Entries, func(on tree.Entry) bool {
		place := join(d.place(), "depends_on")
		switch {
		case slices.Contains(components, on.Key):
			return false
		case slices.Contains(services, on.Key):
			d.warn(on.At.Position, place, "%s: does nothing on Swarm and is left out, for it is another service; the pod has to wait for it by itself", on.Key)
		case !d.partial:
			d.wrong(on.At.Position, place, "%s: there is no component and no service of that name%s", on.Key, didYouMean(on.Key, append(components, services...)))
		}
		return true
	})
	if len(all.Entries) > 0 {
		d.main.Set(e.Key, e.At, all)
	}
}

// defaults are what every supervisor has.
func (p *podOf) defaults(task *tree.Value) {
	at := tree.Origin{Position: p.at.Position, From: "default"}
	if task.Get("image").IsNull() {
		task.Set("image", at, tree.NewText(defaultImage+":"+p.Version, at))
	}
	if task.Get("command") == nil && task.Get("entrypoint") == nil && !p.ownPod {
		task.Set("command", at, tree.NewText(defaultCommand, at))
	}
	volumes := task.Get("volumes")
	if volumes == nil || volumes.Kind != tree.List {
		volumes = &tree.Value{Kind: tree.List, At: at}
		task.Set("volumes", at, volumes)
	}
	if !slices.ContainsFunc(volumes.Items, func(v *tree.Value) bool { return reaches(merge.Target("volumes", v)) }) {
		volumes.Items = append([]*tree.Value{tree.NewText(socket+":"+socket, at)}, volumes.Items...)
	}
	for _, port := range portsOf(task) {
		integers(port)
	}
}

// mounts gives the task the volumes of the stack that components have from templates: those that the
// task does not have are not the stack's, but the engine's of that name.
func (p *podOf) mounts(task, main *tree.Value) {
	volumes := task.Get("volumes")
	for _, component := range slices.Concat([]*tree.Value{main}, valuesOf(p.components), p.init) {
		list := component.Get("volumes")
		if list == nil || list.Kind != tree.List {
			continue
		}
		for _, item := range list.Items {
			name := volumeName(item)
			has := func(other *tree.Value) bool { return volumeName(other) == name }
			if name == "" || p.stack.Get("volumes").Entry(name) == nil || slices.ContainsFunc(volumes.Items, has) {
				continue
			}
			target := merge.Target("volumes", item)
			if slices.ContainsFunc(volumes.Items, func(other *tree.Value) bool { return merge.Target("volumes", other) == target }) {
				target = "/podlike/" + name
			}
			volumes.Items = append(volumes.Items, tree.NewText(name+":"+target, item.At))
		}
	}
}

// reaches tells whether the engine's socket is at a path or below it.
func reaches(target string) bool {
	for _, s := range []string{socket, "/run/docker.sock"} {
		if s == target || strings.HasPrefix(s, strings.TrimSuffix(target, "/")+"/") {
			return true
		}
	}
	return false
}

// dependencies has the components not name what is not there.
func (p *podOf) dependencies(main *tree.Value) {
	if on := main.Get("depends_on"); on != nil && len(on.Entries)+len(on.Items) == 0 {
		main.Delete("depends_on")
	}
}

// leastStart is how long the supervisor's own health check waits before it counts.
const leastStart = 10 * time.Second

// checkup gives the supervisor's health check the time that a component takes to start.
func (p *podOf) checkup(task, main *tree.Value) {
	longest := leastStart
	var of *tree.Value
	for _, v := range append([]*tree.Value{main}, valuesOf(p.components)...) {
		start := v.Get("healthcheck", "start_period")
		if !start.IsText() {
			continue
		}
		if d, ok := compose.Duration(start.Text); ok && d > longest {
			longest, of = d, start
		}
	}
	check := task.Get("healthcheck")
	if of == nil || check.Get("start_period") != nil || check.Get("disable") != nil {
		return
	}
	if check == nil {
		check = tree.NewMapping(of.At)
		task.Set("healthcheck", of.At, check)
	}
	check.Set("start_period", of.At, tree.NewText(of.Text, of.At))
}

func valuesOf(entries []tree.Entry) []*tree.Value {
	var all []*tree.Value
	for _, e := range entries {
		all = append(all, e.Value)
	}
	return all
}

// margin is what the supervisor needs of the time to stop for itself.
const margin = 3 * time.Second

// grace tells the pod how long it has to stop, where the service says that of the task.
func (p *podOf) grace(task, labels *tree.Value) {
	said := p.service.Entry("stop_grace_period")
	if said == nil || labels.Entry(pod.StopGracePeriod) != nil || !said.Value.IsText() {
		return
	}
	if d, ok := compose.Duration(said.Value.Text); ok && d > margin {
		labels.Set(pod.StopGracePeriod, said.At, tree.NewText((d-margin).String(), said.Value.At))
	} else if strings.Contains(said.Value.Text, "$") {
		p.warn(said.At.Position, join(p.place(), "stop_grace_period"),
			"is a variable, so that nobody knows yet how long the pod has to stop; say so in the label %s, or render with -interpolate", pod.StopGracePeriod)
	}
}

// portsOf are the ports of a service.
func portsOf(service *tree.Value) []*tree.Value {
	if ports := service.Get("ports"); ports != nil {
		return ports.Items
	}
	return nil
}

// integers has the ports of the long form be numbers, as docker stack deploy wants them.
func integers(port *tree.Value) {
	for _, key := range []string{"target", "published"} {
		v := port.Get(key)
		if v.IsText() && v.Text != "" && strings.Trim(v.Text, "0123456789") == "" {
			v.Tag, v.Style = "!!int", 0
			v.Text = strings.TrimLeft(v.Text, "0")
			if v.Text == "" {
				v.Text = "0"
			}
		}
	}
}
