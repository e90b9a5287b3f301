// Package status tells how the pod is to whoever asks on this machine: the
// engine's health check, and people by way of docker exec. It decides nothing.
//
// pod.go has the values that are told, serve.go answers, ask.go asks. Package socket is
// the way between the two.
package status
