package pod_test

import (
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/pod"
)

// Only what a resolver looks up in a hosts file is a name to be found by.
func TestAHostNameIsWhatResolversLookUp(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, is := range map[string]bool{
		"db": true, "DB": true, "my_db": true, "_db": true, "db_": true, "my-db": true, "db.internal": true, "db-1": true, "1db": true, "1.db": true, "a": true,
		long: true, long + "." + long + "." + long + "." + long[:61]: true,
		"": false, ".": false, "-db": false, "db-": false, "a.-b": false, "a-.b": false, "a..b": false, ".a": false, "a.": false,
		"1": false, "10.0.0.1": false, "1.2": false, "my db": false, "a\tb": false, "a#b": false, "a\nb": false, "a/b": false, "ä": false, "a:b": false, "::1": false,
		long + "a": false, long + "." + long + "." + long + "." + long[:62]: false,
	} {
		if why := pod.NoHostName(name); (why == "") != is {
			t.Errorf("%q: %q", name, why)
		}
	}
}
