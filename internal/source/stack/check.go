package stack

import (
	"path"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
)

// A service has to give its pod what that needs. Nothing here keeps a pod from being
// deployed, so that a finding about what cannot be known for sure is a warning.

// check looks at what the service and its pod say of each other.
func (s *service) check(read labels.Reading) {
	s.socket()
	s.network()
	s.names(read)
	s.handedOn(read)
}

// socketPaths are where the engine's socket is, in the service and in the host.
var socketPaths = []string{"/var/run/docker.sock", "/run/docker.sock"}

// socket warns of a supervisor that can reach no engine.
func (s *service) socket() {
	_, isNamed := s.env["DOCKER_HOST"]
	if isNamed || child(s.node, "image") == nil || slices.ContainsFunc(s.targets(), func(target string) bool {
		return slices.ContainsFunc(socketPaths, func(socket string) bool { return within(socket, target) })
	}) {
		return
	}
	s.warnAt("image", "volumes", "the supervisor has no engine's socket to make the components with; "+
		"add /var/run/docker.sock:/var/run/docker.sock, or name the engine in DOCKER_HOST")
}

// within tells whether a path is at a directory or below it.
func within(name, dir string) bool {
	return strings.HasPrefix(name+"/", strings.TrimSuffix(dir, "/")+"/")
}

// targets are where the service mounts its volumes.
func (s *service) targets() []string {
	var all []string
	list := child(s.node, "volumes")
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	for _, item := range list.Content {
		target := s.plain(child(item, "target"))
		if parts := strings.Split(s.plain(item), ":"); item.Kind == yaml.ScalarNode {
			target = parts[min(1, len(parts)-1)]
		}
		if target != "" {
			all = append(all, path.Clean(target))
		}
	}
	return all
}

// network warns of a network mode, which no stack has.
func (s *service) network() {
	if mode := s.plain(child(s.node, "network_mode")); mode != "" {
		s.warnAt("network_mode", "network_mode", "docker stack deploy ignores it, so that the pod has the default network; name networks instead, or leave it out")
	}
}

// grace is how long the engine lets the pod take to stop.
func (s *service) grace() time.Duration {
	if d, ok := compose.Duration(s.plain(child(s.node, graceKey))); ok {
		return d
	}
	return pod.DefaultGrace
}

// graceKey says it in a service.
const graceKey = "stop_grace_period"

// ofService are what findings about the service's own words for the pod are like.
func (s *service) ofService() map[string]Finding {
	at := graceKey
	if child(s.node, graceKey) == nil {
		at = "image"
	}
	return map[string]Finding{
		source.CommandPlace:   {Position: s.position("command"), Problem: pod.Problem{Place: join(s.place(), source.CommandPlace)}},
		source.StopGracePlace: {Position: s.position(at), Problem: pod.Problem{Place: join(s.place(), graceKey)}},
	}
}

// handedOn reports secrets and configs of components that the service does not have.
func (s *service) handedOn(read labels.Reading) {
	mounts := s.targets()
	for _, c := range read.All() {
		for _, file := range c.Copies {
			kind := file.Place[strings.LastIndex(file.Place, " ")+1:]
			_, has := s.mounted[path.Clean(file.Source)]
			mounted := slices.ContainsFunc(mounts, func(target string) bool { return within(file.Source, target) })
			if homes[kind] == "" || file.Content != nil || file.InFile || has || mounted {
				continue
			}
			name := strings.TrimPrefix(file.Source, homes[kind])
			problem := pod.Problemf(file.PlaceIn(c.Name), "the service has no %s %s, which it would have as %s; add it to services.%s.%s",
				strings.TrimSuffix(kind, "s"), compose.Quote(name), file.Source, s.name, kind)
			s.findings = append(s.findings, s.finder.all(nil, read.Locate(pod.Problems{problem}))...)
		}
	}
}

// warnAt warns of a key of the service, at that key or another one that is there.
func (s *service) warnAt(at, key, what string) {
	s.findings = append(s.findings, Finding{Position: s.position(at), Problem: pod.Problem{Place: join(s.place(), key), What: what}, Warning: true})
}
