package engine

// A Credential is what a registry is asked for an image with. The zero value is
// none: the registry is asked as anybody.
type Credential struct {
	// Server is the registry it is for: a host with its port, if any, or
	// https://index.docker.io/v1/ for Docker Hub. It is no secret.
	Server   string
	Username string
	Password string
	// IdentityToken is exchanged for access, in place of a password.
	IdentityToken string
	// RegistryToken is sent to the registry as it is.
	RegistryToken string
}

// String hides what is secret from whoever prints a credential by mistake.
func (c Credential) String() string {
	if c == (Credential{}) {
		return "no credential"
	}
	return "a credential for " + c.Server
}

// GoString hides it from %#v as well.
func (c Credential) GoString() string { return c.String() }
