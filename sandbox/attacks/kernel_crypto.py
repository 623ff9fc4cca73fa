# kernel_crypto: reaches the kernel's crypto code by AF_ALG.
result = syscall(SYS["socket"], 38, 5, 0)
if result >= 0:
    succeeded("an AF_ALG socket")
