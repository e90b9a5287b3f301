package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

// A service that is called like one of its components has that name from its stack.
func TestAServiceIsKnownByItsNameWithTheStacksAndWithout(t *testing.T) {
	for name, test := range map[string]struct {
		labels map[string]string
		want   []string
	}{
		"stack":   {map[string]string{pod.SwarmService: "shop_web", pod.StackNamespace: "shop"}, []string{"shop_web", "web"}},
		"service": {map[string]string{pod.SwarmService: "web"}, []string{"web", "web"}},
		"other":   {map[string]string{pod.SwarmService: "shopweb", pod.StackNamespace: "shop"}, []string{"shopweb", "shopweb"}},
		"none":    {map[string]string{pod.StackNamespace: "shop"}, nil},
	} {
		if diff := cmp.Diff(test.want, calledAs(test.labels)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
