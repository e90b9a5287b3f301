package compose_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/source/compose"
)

func TestPortsAreThoseThatAComponentListensOn(t *testing.T) {
	for text, want := range map[string]string{
		"ports: [80]":                                   "80/tcp",
		"ports: ['8080:80']":                            "80/tcp",
		"ports: ['127.0.0.1:8080:80/udp']":              "80/udp",
		"ports: ['9090-9091:8080-8081']":                "8080/tcp 8081/tcp",
		"ports: [{target: 80, published: 8080}]":        "80/tcp",
		"ports: [{target: 53, protocol: udp}, '53']":    "53/tcp 53/udp",
		"ports: [x, '', {}]":                            "",
		"ports: 80":                                     "",
		"expose: [80, '81-82', '53/udp']":               "53/udp 80/tcp 81/tcp 82/tcp",
		"expose: [x, '5-x', '1-60000', '9-8']":          "",
		"ports: ['80:80']\n    expose: [80]":            "80/tcp",
		"x-pod: {ports: [{name: a, containerPort: 1}]}": "1/tcp",
	} {
		got := flat(compose.ReadFile(main, disk{main: "services:\n  a:\n    image: i\n    " + text}.own()))[0].Ports
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
