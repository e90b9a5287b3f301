package compose

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
)

// extensionKey is the key of what only a pod knows, in Kubernetes' words where it has them.
const extensionKey = "x-pod"

// extend adds what x-pod says to the component.
func (r *reader) extend(c *pod.Component) {
	n := child(r.Node, extensionKey)
	if n == nil {
		return
	}
	x := extended{nodeReader{r.report}, map[string]int{}}
	if ports := child(n, "ports"); ports != nil { // which probes may name before they come
		x.portNames(extensionKey+".ports", ports)
	}
	sidecar, essential := false, true
	x.mapping(extensionKey, "a mapping such as {sidecar: true}", n, map[string]field{
		"sidecar":                x.flag(&sidecar),
		"essential":              x.flag(&essential),
		"oomGroup":               x.flag(&c.OOMGroup),
		"restartPolicyRules":     func(path string, n *yaml.Node) { c.Restart.Rules = x.rules(path, n) },
		"ports":                  func(string, *yaml.Node) {}, // read already
		"startupProbe":           func(path string, n *yaml.Node) { c.Probes.Startup = x.probe(path, n) },
		"livenessProbe":          func(path string, n *yaml.Node) { c.Probes.Liveness = x.probe(path, n) },
		"readinessProbe":         func(path string, n *yaml.Node) { c.Probes.Readiness = x.probe(path, n) },
		"lifecycle":              func(path string, n *yaml.Node) { x.lifecycle(c, path, n) },
		"terminationMessagePath": x.text(&c.TerminationMessage, "/dev/termination-log"),
		"startTimeout":           x.duration(&c.StartTimeout),
		"pid":                    func(path string, n *yaml.Node) { c.PrivatePID = x.private(path, n) },
	})
	c.NonEssential = !essential
	if sidecar {
		x.sidecar(c)
	}
}

// An extended reader reads what x-pod says.
type extended struct {
	nodeReader
	ports map[string]int // by their names
}

// sidecar makes the component a sidecar, which is always restarted.
func (x extended) sidecar(c *pod.Component) {
	if said := c.Restart.Policy; said != "" && said != pod.RestartAlways {
		x.wrong(extensionKey+".sidecar", "a sidecar is always restarted, but restart says %s; leave one of them out", said)
	}
	c.Sidecar, c.Restart.Policy, c.Restart.Max = true, pod.RestartAlways, 0
}

// private tells whether the component has a PID namespace of its own.
func (x extended) private(path string, n *yaml.Node) bool {
	mode := ""
	x.text(&mode, "private")(path, n)
	if mode != "" && mode != "private" {
		x.wrong(path, "must be private, not %s; without it the component shares the pod's", Quote(mode))
	}
	return mode == "private"
}

// portNames reads the names that probes may use for ports.
func (x extended) portNames(path string, n *yaml.Node) {
	const form = "a list of mappings such as {name: web, containerPort: 80}"
	x.items(path, form, n, func(path string, n *yaml.Node) {
		name, number := "", 0
		before := len(x.problems)
		x.mapping(path, form, n, map[string]field{"name": x.text(&name, "web"), "containerPort": x.whole(&number)})
		x.needs(path, n, "name", "containerPort")
		switch _, twice := x.ports[name]; {
		case len(x.problems) > before:
		case twice:
			x.wrong(path, "two ports are called %s; rename one", Quote(name))
		case number < 1 || number > 65535:
			x.wrong(path+".containerPort", "must be a port from 1 to 65535, but is %d", number)
		}
		x.ports[name] = number
	})
}

// rules reads what becomes of the component by its exit code.
func (x extended) rules(path string, n *yaml.Node) []pod.Rule {
	const form = "a list of mappings such as {action: Restart, exitCodes: {operator: In, values: [42]}}"
	var rules []pod.Rule
	x.items(path, form, n, func(path string, n *yaml.Node) {
		rule, action := pod.Rule{}, ""
		before := len(x.problems)
		x.mapping(path, form, n, map[string]field{
			"action":    x.text(&action, "Restart"),
			"exitCodes": func(path string, n *yaml.Node) { x.exitCodes(&rule, path, n) },
		})
		x.needs(path, n, "action", "exitCodes")
		if len(x.problems) == before {
			rule.Action = pod.RuleAction(action)
			rules = append(rules, rule)
		}
	})
	return rules
}

// exitCodes reads which ends a rule is about.
func (x extended) exitCodes(rule *pod.Rule, path string, n *yaml.Node) {
	operator := ""
	x.mapping(path, "a mapping such as {operator: In, values: [42]}", n, map[string]field{
		"operator": x.text(&operator, "In"),
		"values": func(path string, n *yaml.Node) {
			x.items(path, "a list of exit codes such as [42]", n, func(path string, n *yaml.Node) {
				code := 0
				x.whole(&code)(path, n)
				rule.Codes = append(rule.Codes, code)
			})
		},
	})
	x.needs(path, n, "operator", "values")
	if operator != "" && !slices.Contains([]string{"In", "NotIn"}, operator) {
		x.wrong(path+".operator", "must be In or NotIn, not %s", Quote(operator))
	}
	rule.Not = operator == "NotIn"
}

// lifecycle reads what is done at turns of the component's life, after what Compose's
// own keys say.
func (x extended) lifecycle(c *pod.Component, path string, n *yaml.Node) {
	signal := ""
	x.mapping(path, "a mapping such as {preStop: {sleep: {seconds: 5}}}", n, map[string]field{
		"postStart":  func(path string, n *yaml.Node) { c.PostStart = append(c.PostStart, x.hook(path, n)...) },
		"preStop":    func(path string, n *yaml.Node) { c.PreStop = append(c.PreStop, x.hook(path, n)...) },
		"stopSignal": x.text(&signal, "SIGTERM"),
	})
	if signal != "" && c.StopSignal != "" && signal != c.StopSignal {
		x.wrong(path+".stopSignal", "is not what stop_signal says; leave one of them out")
	}
	if signal != "" {
		c.StopSignal = signal
	}
}
