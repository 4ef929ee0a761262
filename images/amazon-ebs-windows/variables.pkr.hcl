variable "instance_type" {
  type        = string
  default     = "t3.large"
  description = "The type of the instance in which it is made."
}

variable "security_groups" {
  type        = list(string)
  description = "The security groups of that instance, by their IDs; they must let this machine in at port 5986."
}

variable "root_device" {
  type        = string
  default     = "/dev/sda1"
  description = "The root device of the base AMI."
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
