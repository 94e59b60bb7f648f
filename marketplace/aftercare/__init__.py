"""What follows a handover: the transfer of registration 过户, its papers, invoice and office."""
