//go:build cuda && cgo && linux

package cuda

/*
#include "blas.h"
*/
import "C"

import (
	"fmt"

	"gorgonia.org/cu"

	"fp4tui/inspect"
)

// blasKind is a row of the table of operands that go through cuBLASLt: what both are, in
// the library's numbers, and how far a row of x is.
type blasKind struct {
	name     string
	datatype int // cudaDataType_t
	mode     int // cublasLtMatmulMatrixScale_t
	code     int // bits of an element
	block    int // elements of a scale byte in the 128×4 layout; 0: one float32 a tensor
}

// The rows. FP8 exists since Hopper: it takes the same way there as NVFP4 on what its authors
// do not have.
var (
	blasNVFP4 = blasKind{name: "NVFP4", datatype: 33, mode: 1, code: 4, block: 16}
	blasE4M3  = blasKind{name: "FP8 E4M3", datatype: 28, mode: 0, code: 8}
)

// offsets are the bytes of codes and of scales before row m0 of x, a multiple of 128; k is a
// multiple of 64.
func (kind *blasKind) offsets(m0, k int) (codes, scales cu.DevicePtr) {
	codes = cu.DevicePtr(m0) * cu.DevicePtr(k) * cu.DevicePtr(kind.code) / 8
	if kind.block != 0 {
		scales = cu.DevicePtr(m0) * cu.DevicePtr(k/kind.block)
	}
	return codes, scales
}

const (
	blasSince     = 120800   // the first cublasLtGetVersion that knows scale modes, and FP4
	blasPad       = 32       // rows of w and of x are padded to a multiple: addresses and strides are of 16 bytes then
	blasWorkspace = 32 << 20 // most bytes that an algorithm may want beside its operands
)

// blas is cuBLASLt with a handle of the current context.
type blas struct {
	Library
	c C.struct_blas
}

// openBlas loads the first of names that loads and makes a handle. Errors are of class
// ErrNoLibrary: none loads, it is too old, or it lacks a function; or a refusal by the library.
func openBlas(names ...string) (*blas, error) {
	const cure = "install cuBLAS of CUDA 12.8 or later and put its folder on LD_LIBRARY_PATH; " + onCPU
	lib, handle, said := loadFirst(names)
	if handle == nil {
		return nil, &inspect.Fault{Class: ErrNoLibrary, Offset: -1, What: "no cuBLASLt", Why: said, Cure: cure}
	}
	lt := &blas{Library: lib}
	if missing := C.blas_resolve(&lt.c, handle); missing != nil {
		return nil, &inspect.Fault{Class: ErrNoLibrary, Offset: -1, What: lt.String() + " is not whole",
			Why: fmt.Sprintf("%s has no %s", lib.Path, C.GoString(missing)), Cure: cure}
	}
	if C.blas_version(&lt.c) < blasSince {
		return nil, &inspect.Fault{Class: ErrNoLibrary, Offset: -1, What: lt.String() + " has no FP4",
			Why: fmt.Sprintf("%s is older than %s", lib.Path, libraryVersion(blasSince)), Cure: cure}
	}
	var call *C.char
	if status := C.blas_create(&lt.c, &call); status != 0 {
		return nil, lt.refused(call, status, "")
	}
	return lt, nil
}

// String is "cuBLASLt 13.1.0".
func (lt *blas) String() string { return "cuBLASLt " + lt.Version }

func (lt *blas) close() { C.blas_destroy(&lt.c) }

// blasCures say what helps against a cublasStatus_t, by the library's name for it.
var blasCures = map[string]string{
	"CUBLAS_STATUS_NOT_INITIALIZED":  "the driver may be older than the library: compare fp4tui doctor with the library's release; " + onCPU,
	"CUBLAS_STATUS_ALLOC_FAILED":     "free memory on the GPU (nvidia-smi shows who has it)",
	"CUBLAS_STATUS_INVALID_VALUE":    "report this with the version of cuBLASLt; " + onCPU,
	"CUBLAS_STATUS_ARCH_MISMATCH":    "take another cuBLASLt, or backend=cuda:emu-fp4; " + onCPU,
	"CUBLAS_STATUS_EXECUTION_FAILED": "start the program again and report this with the version of cuBLASLt; " + onCPU,
	"CUBLAS_STATUS_NOT_SUPPORTED":    "backend=cuda:emu-fp4 computes FP4 on any GPU since sm_80; " + onCPU,
}

// refused is an error of the library: which call, its name for the status, what was asked
// of it, a cure. What this device or version does not have is of class ErrNoKernel.
func (lt *blas) refused(call *C.char, status C.int, asked string) error {
	name, class := "cublasStatus_t "+fmt.Sprint(status), ErrDevice
	if said := C.blas_status_name(&lt.c, status); said != nil {
		name = C.GoString(said)
	}
	if name == "CUBLAS_STATUS_NOT_SUPPORTED" || name == "CUBLAS_STATUS_ARCH_MISMATCH" {
		class = ErrNoKernel
	}
	cure, known := blasCures[name]
	if !known {
		cure = "start the program again; " + onCPU
	}
	if asked != "" {
		name += ", asked for " + asked
	}
	return &inspect.Fault{Class: class, Offset: -1, What: fmt.Sprintf("%s refused %s", lt, C.GoString(call)), Why: name, Cure: cure}
}

// blasPlan is what cuBLASLt chose for a product of m rows of x by n rows of w.
type blasPlan struct {
	lt      *blas
	kind    *blasKind
	m, n, k int
	c       C.struct_blas_plan
}

// plan asks cuBLASLt for an algorithm. m and n are multiples of blasPad, k of 64; w and x are
// rows of k elements, the sums m rows of n float32. The caller closes the plan.
func (lt *blas) plan(kind *blasKind, m, n, k int, wScales, xScales cu.DevicePtr) (*blasPlan, error) {
	p := &blasPlan{lt: lt, kind: kind, m: m, n: n, k: k}
	asked := C.struct_blas_product{datatype: C.int(kind.datatype), mode: C.int(kind.mode), n: C.uint64_t(n), m: C.uint64_t(m), k: C.uint64_t(k),
		scales: [2]C.uint64_t{C.uint64_t(wScales), C.uint64_t(xScales)}, most_workspace: blasWorkspace}
	var call *C.char
	if status := C.blas_choose(&lt.c, &asked, &p.c, &call); status != 0 {
		p.close()
		return nil, lt.refused(call, status, p.asked())
	}
	return p, nil
}

func (p *blasPlan) asked() string {
	return fmt.Sprintf("%s with float32 sums, m %d, n %d, k %d", p.kind.name, p.m, p.n, p.k)
}

// start launches the product on the default stream.
func (p *blasPlan) start(w, x, xScales, sums, workspace cu.DevicePtr) error {
	var call *C.char
	status := C.blas_multiply(&p.lt.c, &p.c, C.uint64_t(w), C.uint64_t(x), C.uint64_t(xScales), C.uint64_t(sums), C.uint64_t(workspace), &call)
	if status != 0 {
		return p.lt.refused(call, status, p.asked())
	}
	return nil
}

func (p *blasPlan) workspace() int64 { return int64(p.c.workspace) }

func (p *blasPlan) close() { C.blas_drop(&p.lt.c, &p.c) }

// note says what was chosen: "cuBLASLt 13.1.0: algorithm 66, tile 128x256 (23), …".
func (p *blasPlan) note() string {
	var config blasConfig
	for i := range config {
		config[i] = int64(p.c.config[i])
	}
	return fmt.Sprintf("%s for m %d, n %d, k %d: %s, workspace %d bytes", p.lt, p.m, p.n, p.k, config, p.workspace())
}
