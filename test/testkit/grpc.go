package main

import (
	"context"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// health answers gRPC health checks at an address until it gets a signal.
func health(args []string) int {
	address := word(args, 0)
	if address == "" {
		return usage("grpc needs an address, such as :9090")
	}
	stop := signals()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return failed(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- clinic(word(args, 1)).Serve(l) }()
	select {
	case err := <-ended:
		return failed(err)
	case <-stop: // the goroutine ends with the process
		return 0
	}
}

// clinic is the server that grpc runs. It serves while the file is there; without the
// name of one, always.
func clinic(file string) *grpc.Server {
	s := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(s, doctor{file: file})
	return s
}

// A doctor knows of the server as a whole and of the service testkit.
type doctor struct {
	grpc_health_v1.UnimplementedHealthServer
	file string
}

// Check is what a health check calls.
func (d doctor) Check(_ context.Context, asked *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if s := asked.GetService(); s != "" && s != "testkit" {
		return nil, status.Error(codes.NotFound, "unknown service "+s)
	}
	return &grpc_health_v1.HealthCheckResponse{Status: d.now()}, nil
}

// now is how the server is.
func (d doctor) now() grpc_health_v1.HealthCheckResponse_ServingStatus {
	if d.file == "" {
		return grpc_health_v1.HealthCheckResponse_SERVING
	}
	if _, err := os.Stat(d.file); err != nil {
		return grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	return grpc_health_v1.HealthCheckResponse_SERVING
}
