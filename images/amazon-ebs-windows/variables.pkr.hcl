variable "base" {
  type        = string
  description = "The AMI that it is made from."
}

variable "name" {
  type        = string
  description = "The name of the AMI."
}

variable "description" {
  type        = string
  default     = ""
  description = "What the AMI is, in a line."
}

variable "region" {
  type        = string
  description = "The region that it is made in."
}

variable "tags" {
  type        = map(string)
  description = "Tags of the AMI and of its snapshots."
}

variable "run_tags" {
  type        = map(string)
  description = "Tags of the instance in which it is made, and of that one's volumes."
}

variable "instance_type" {
  type        = string
  default     = "t3.large"
  description = "The type of the instance in which it is made."
}

variable "subnet" {
  type        = string
  default     = ""
  description = "The subnet of that instance; one of the default VPC if empty."
}

variable "security_groups" {
  type        = list(string)
  description = "The security groups of that instance, by their IDs; they must let this machine in at port 5986."
}

variable "instance_profile" {
  type        = string
  default     = ""
  description = "The IAM instance profile of that instance; none if empty."
}

variable "root_device" {
  type        = string
  default     = "/dev/sda1"
  description = "The root device of the base AMI."
}

variable "volume_gib" {
  type        = number
  default     = 0
  description = "The size of that device; the base AMI's own if 0."
}

variable "kms_key" {
  type        = string
  default     = ""
  description = "The KMS key that the volume is encrypted by; the account's own for EBS if empty."
}

variable "user" {
  type        = string
  default     = "Administrator"
  description = "Who comes in by WinRM: whom EC2 gives a password."
}

variable "key_pair" {
  type        = string
  default     = ""
  description = "An RSA key pair that reads the password, by its name; one that Packer makes and removes if empty."
}

variable "private_key_file" {
  type        = string
  default     = ""
  description = "The file with its private key; empty with Packer's own."
}

variable "interface" {
  type        = string
  default     = "private_ip"
  description = "By which address the instance is reached: private_ip, public_ip, private_dns, public_dns."
}

variable "endpoint" {
  type        = string
  default     = ""
  description = "The URL of EC2; AWS's own if empty."
}

variable "stand_in" {
  type        = bool
  default     = false
  description = "Whether a stand-in answers for EC2, which knows no regions and has no instance metadata."
}
