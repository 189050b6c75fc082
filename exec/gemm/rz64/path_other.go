//go:build !amd64 && !arm64

package rz64

// vectorPaths is empty: this architecture has the portable path alone.
var vectorPaths []pathInfo
