//go:build !(cuda && cgo && linux)

package cuda

// driver finds nothing: this build does not know the CUDA driver.
func driver() Report { return Report{} }

// libraries finds nothing either.
func libraries() []Library { return nil }
