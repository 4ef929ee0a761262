# Of every image made at AWS, of whatever system.
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

variable "subnet" {
  type        = string
  default     = ""
  description = "The subnet of that instance; one of the default VPC if empty."
}

variable "instance_profile" {
  type        = string
  default     = ""
  description = "The IAM instance profile of that instance; none if empty."
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
