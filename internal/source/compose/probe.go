package compose

import (
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
)

// Forms of what probes and hooks do.
const (
	execForm = "a mapping such as {command: [/check]}"
	httpForm = "a mapping such as {path: /healthz, port: 8080}"
	portForm = "the number of a port, or a name of x-pod.ports"
)

// probe reads a probe, nil if something is wrong with it.
func (x extended) probe(path string, n *yaml.Node) *pod.Probe {
	p := &pod.Probe{}
	before := len(x.problems)
	x.mapping(path, "a mapping such as {httpGet: {path: /healthz, port: 8080}}", n, map[string]field{
		"exec":                func(path string, n *yaml.Node) { p.Exec = x.exec(path, n) },
		"httpGet":             func(path string, n *yaml.Node) { p.HTTP = x.httpGet(path, n) },
		"tcpSocket":           func(path string, n *yaml.Node) { p.TCP = x.tcpSocket(path, n) },
		"grpc":                func(path string, n *yaml.Node) { p.GRPC = x.grpc(path, n) },
		"initialDelaySeconds": x.seconds(&p.InitialDelay),
		"periodSeconds":       x.seconds(&p.Period),
		"timeoutSeconds":      x.seconds(&p.Timeout),
		"successThreshold":    x.whole(&p.Success),
		"failureThreshold":    x.whole(&p.Failure),
	})
	if len(x.problems) > before {
		return nil
	}
	return p
}

// hook reads what is done at a turn of the component's life, nothing if something is
// wrong with it.
func (x extended) hook(path string, n *yaml.Node) []pod.Hook {
	h := pod.Hook{}
	before := len(x.problems)
	x.mapping(path, "a mapping such as {exec: {command: [/notify]}}", n, map[string]field{
		"exec":    func(path string, n *yaml.Node) { h.Exec = &pod.Exec{Command: x.exec(path, n)} },
		"httpGet": func(path string, n *yaml.Node) { h.HTTP = x.httpGet(path, n) },
		"sleep":   func(path string, n *yaml.Node) { h.Sleep = x.sleep(path, n) },
	})
	if len(x.problems) > before {
		return nil
	}
	return []pod.Hook{h}
}

// exec reads a command.
func (x extended) exec(path string, n *yaml.Node) (command []string) {
	x.mapping(path, execForm, n, map[string]field{"command": x.words(&command)})
	x.needs(path, n, "command")
	return command
}

// httpGet reads a request.
func (x extended) httpGet(path string, n *yaml.Node) *pod.HTTPGet {
	h := &pod.HTTPGet{}
	x.mapping(path, httpForm, n, map[string]field{
		"path":        x.text(&h.Path, "/healthz"),
		"port":        x.port(&h.Port),
		"host":        x.text(&h.Host, "127.0.0.1"),
		"scheme":      x.text(&h.Scheme, "HTTPS"),
		"httpHeaders": func(path string, n *yaml.Node) { h.Headers = x.headers(path, n) },
	})
	x.needs(path, n, "port")
	h.Scheme = strings.ToLower(h.Scheme)
	if h.Path != "" && !strings.HasPrefix(h.Path, "/") {
		h.Path = "/" + h.Path // as the kubelet reads it
	}
	return h
}

// headers reads those of a request.
func (x extended) headers(path string, n *yaml.Node) []pod.Header {
	const form = "a list of mappings such as {name: Accept, value: text/plain}"
	var headers []pod.Header
	x.items(path, form, n, func(path string, n *yaml.Node) {
		h := pod.Header{}
		x.mapping(path, form, n, map[string]field{"name": x.text(&h.Name, "Accept"), "value": x.text(&h.Value, "text/plain")})
		x.needs(path, n, "name", "value")
		headers = append(headers, h)
	})
	return headers
}

// tcpSocket reads what is to be connected to.
func (x extended) tcpSocket(path string, n *yaml.Node) *pod.TCPSocket {
	s := &pod.TCPSocket{}
	x.mapping(path, "a mapping such as {port: 5432}", n, map[string]field{"port": x.port(&s.Port), "host": x.text(&s.Host, "127.0.0.1")})
	x.needs(path, n, "port")
	return s
}

// grpc reads which service is asked for its health.
func (x extended) grpc(path string, n *yaml.Node) *pod.GRPC {
	g := &pod.GRPC{}
	x.mapping(path, "a mapping such as {port: 9000}", n, map[string]field{"port": x.whole(&g.Port), "service": x.text(&g.Service, "orders")})
	x.needs(path, n, "port")
	return g
}

// sleep reads how long to wait.
func (x extended) sleep(path string, n *yaml.Node) (d time.Duration) {
	x.mapping(path, "a mapping such as {seconds: 5}", n, map[string]field{"seconds": x.seconds(&d)})
	if x.needs(path, n, "seconds"); child(n, "seconds") != nil && d <= 0 {
		x.wrong(path+".seconds", "must be a whole number of at least 1, not %s", Quote(decoded(child(n, "seconds"))))
	}
	return d
}

// port is a field that is a port's number, or its name.
func (x extended) port(to *int) field {
	return func(path string, n *yaml.Node) {
		if _, err := strconv.Atoi(n.Value); n.Kind == yaml.ScalarNode && err == nil {
			x.whole(to)(path, n)
			return
		}
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
			x.mustBe(path, portForm, decoded(n))
			return
		}
		number, known := x.ports[n.Value]
		if !known {
			x.wrong(path, "there is no port called %s; add it to x-pod.ports, or write its number", Quote(n.Value))
		}
		*to = number
	}
}
