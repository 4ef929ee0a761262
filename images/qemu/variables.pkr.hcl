variable "base" {
  type        = string
  description = "The disk that it is made from, a qcow2 that images/qemu/base has made."
}

variable "base_checksum" {
  type        = string
  default     = "none"
  description = "Its checksum, such as sha256:1f2e...; with none, what is there is taken."
}

variable "output" {
  type        = string
  description = "The folder for the image, which must not be there yet."
}

variable "name" {
  type        = string
  description = "The file name of the image."
}

variable "accelerator" {
  type        = string
  default     = "kvm"
  description = "What runs the machine in which it is made: kvm, or none, which is software and ten times slower."
}

variable "firmware" {
  type        = string
  default     = "/usr/share/ovmf/OVMF.fd"
  description = "The EFI firmware; this is where Debian's package ovmf has it."
}

variable "memory_mib" {
  type        = number
  default     = 1024
  description = "The memory of that machine."
}

variable "cpus" {
  type        = number
  default     = 2
  description = "The processors of that machine."
}

variable "private_key_file" {
  type        = string
  description = "The file with the private SSH key that lets this machine in while the image is made."
}

variable "public_key" {
  type        = string
  description = "Its public key, in base64."
}

variable "ssh_timeout" {
  type        = string
  default     = "15m"
  description = "How long the machine may take to boot."
}
